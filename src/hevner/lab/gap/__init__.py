"""The gap between datasets: how far their ratings and their music lie apart, and what genre does.

=============  =====================================================================================
``labels``     where ratings lie, and how far apart
``features``   how far the music lies apart, as a representation hears it
``null``       which distances chance would give
``bias``       what a representation gives away of dataset and genre; how much emotion is genre
``dominance``  which genre drives a model
``maps``       t-SNE and UMAP
``study``      all of it at once
``report``     the page for people (``sections``, ``figures``, ``page``) and tables beside it
=============  =====================================================================================
"""
