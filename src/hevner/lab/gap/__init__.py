"""The gap between datasets: distances of ratings and music, and the influence of genre.

=============  =====================================================================================
``labels``     ratings, and distances between them
``features``   distances between the music, in a representation
``null``       distances by chance
``bias``       recognition of dataset and genre; share of genre in emotion
``dominance``  which genre drives a model
``maps``       t-SNE and UMAP
``study``      the whole analysis
``report``     the page (``sections``, ``figures``, ``page``) and the tables beside it
=============  =====================================================================================
"""
