// Levels of the semitones of a recording over time, computed beside the page.
//
// Takes {samples, rate, hop, lowest, rows}: one channel, its rate, seconds between frames, the number
// (MIDI) of the lowest semitone, and their count. Answers with {first, levels}: numbers in 0..255,
// frame after frame from `first` on, each from the lowest semitone to the highest; 255 is a tone as
// loud as can be, and a step is 0.4 dB. Semitones are those of A = 440 Hz.

const SIZE = 4096; // samples of a frame: at 8 kHz half a second, and a bin each 2 Hz
const BATCH = 256; // frames of an answer
const STEPS = 2.5; // of a dB
const FLOOR = -102; // dB

onmessage = ({ data: { samples, rate, hop, lowest, rows } }) => {
  const frames = Math.max(1, Math.ceil(samples.length / rate / hop));
  const bins = binsOf(rate, lowest, rows);
  const [real, imaginary] = [new Float64Array(SIZE), new Float64Array(SIZE)];
  const read = (frame, into) => {
    const start = Math.round(frame * hop * rate) - SIZE / 2;
    for (let at = 0; at < SIZE; at += 1) into[at] = (samples[start + at] ?? 0) * WINDOW[at];
  };
  for (let first = 0; first < frames; first += BATCH) {
    const count = Math.min(BATCH, frames - first);
    const levels = new Uint8Array(count * rows);
    // Two frames at once: one as the real part, the other as the imaginary one.
    for (let frame = 0; frame < count; frame += 2) {
      read(first + frame, real);
      read(first + frame + 1, imaginary);
      transform(real, imaginary);
      for (let row = 0; row < rows; row += 1) {
        const [one, other] = powers(real, imaginary, bins[row]);
        levels[frame * rows + row] = level(one);
        if (frame + 1 < count) levels[(frame + 1) * rows + row] = level(other);
      }
    }
    postMessage({ first, levels }, [levels.buffer]);
  }
};

const WINDOW = Float64Array.from({ length: SIZE }, (_, at) => 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / SIZE));
const TURNS = [0, 1].map((shift) =>
  Float64Array.from({ length: SIZE / 2 }, (_, at) => Math.cos((2 * Math.PI * at) / SIZE + (shift * Math.PI) / 2)));
const FULL = (SIZE / 4) ** 2; // power of a bin of a tone with amplitude 1 under that window

// First and last bin of each semitone.
function binsOf(rate, lowest, rows) {
  return Array.from({ length: rows }, (_, row) => [-0.5, 0.5].map((side) => {
    const frequency = 440 * 2 ** ((lowest + row + side - 69) / 12);
    return Math.min(SIZE / 2 - 1, Math.round((frequency * SIZE) / rate));
  }));
}

// The highest power within some bins, of both frames.
function powers(real, imaginary, [from, to]) {
  let [one, other] = [0, 0];
  for (let bin = from; bin <= to; bin += 1) {
    const [a, b, c, d] = [real[bin], imaginary[bin], real[SIZE - bin], imaginary[SIZE - bin]];
    one = Math.max(one, ((a + c) ** 2 + (b - d) ** 2) / 4);
    other = Math.max(other, ((a - c) ** 2 + (b + d) ** 2) / 4);
  }
  return [one, other];
}

function level(power) {
  const decibels = 10 * Math.log10(power / FULL + 1e-12);
  return Math.max(0, Math.min(255, Math.round((decibels - FLOOR) * STEPS)));
}

// The fast Fourier transform of Cooley and Tukey, in place.
function transform(real, imaginary) {
  for (let at = 1, mirrored = 0; at < SIZE; at += 1) {
    let bit = SIZE >> 1;
    for (; mirrored & bit; bit >>= 1) mirrored ^= bit;
    mirrored ^= bit;
    if (at < mirrored) {
      [real[at], real[mirrored]] = [real[mirrored], real[at]];
      [imaginary[at], imaginary[mirrored]] = [imaginary[mirrored], imaginary[at]];
    }
  }
  for (let half = 1; half < SIZE; half *= 2) {
    const stride = SIZE / (2 * half);
    for (let start = 0; start < SIZE; start += 2 * half) {
      for (let at = 0; at < half; at += 1) {
        const [i, j] = [start + at, start + at + half];
        const [cosine, sine] = [TURNS[0][at * stride], TURNS[1][at * stride]];
        const x = real[j] * cosine - imaginary[j] * sine;
        const y = real[j] * sine + imaginary[j] * cosine;
        real[j] = real[i] - x;
        imaginary[j] = imaginary[i] - y;
        real[i] += x;
        imaginary[i] += y;
      }
    }
  }
}
