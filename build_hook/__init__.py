"""What the build does beyond packing files: it fetches and converts the MusiCNN weights.

Nothing in here is imported by the installed package. The parts: ``wheel`` obtains the published
wheel that carries the checkpoint, ``bundle`` reads the checkpoint, ``graph`` writes it as ONNX,
``weights`` joins the three, and ``hook`` is what hatchling calls.
"""
