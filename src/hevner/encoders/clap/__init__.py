"""LAION-CLAP: audio and sentences in one space.

Conventions
-----------
The published checkpoints of the larger model: an HTS-AT audio tower of 18 Swin blocks in four
stages and a RoBERTa text tower, each with a projection to 512 numbers (Wu et al., 2023). Audio is
mono at 48 kHz in windows of 10 s. Without states a vector is the embedding of the joint space, of
unit length: its product with the vector of a sentence is their cosine. State 0 is the patch
embedding, state k the output of Swin block k before the patches are merged, both as means over the
patches. The 22 layers of Kanatas et al. (ISMIR 2026) appear to count the outputs of the three
mergers too: layer 18, which they found best for emotion, is then state 16, the end of the third
stage.

A window shorter than 10 s is repeated as often as it fits and filled up with silence, as the model
was trained ("repeatpad").

The towers run through ``transformers``, from local files only. Each is loaded when it is first
needed, so a search by text never loads the audio tower.

Weights
-------
The cards on the hub say Apache-2.0 for code and weights; what the training audio permits is not
stated there. The text tower of ``laion/larger_clap_music`` has been reported to give nearly the
same vector to all sentences; `hevner.encoders.clap.text` refuses a tower that does. The folder with
the published files is as on the hub; a checkpoint of the training code (a ``.pt`` file, published
under CC0-1.0 as ``lukewys/laion_clap``) may be put there too and is then read in place of the
weights. The tokenizer may be ``tokenizer.json``, or ``vocab.json`` with ``merges.txt``.
"""

from __future__ import annotations

SAMPLE_RATE = 48_000
WINDOW_SAMPLES = 10 * SAMPLE_RATE
