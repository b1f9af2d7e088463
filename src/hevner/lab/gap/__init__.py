"""The gap between datasets: distances of ratings and music, and the influence of genre.

=============  =====================================================================================
``labels``     ratings, and distances between them
``distances``  distances between the music, in a representation, and by chance
``bias``       recognition of dataset and genre; share of genre in emotion and in models
``study``      the whole analysis, with maps
``report``     the page (with ``figures``) and the tables beside it
=============  =====================================================================================
"""
