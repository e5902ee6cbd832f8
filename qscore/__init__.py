"""How well are the atoms of cryo-EM models resolved? Q-scores of pairs and of the whole EMDB."""

__version__ = "0.1.0"
