"""Does the package agree with the literal twin on a pair? Exit 0 when it does, 1 when it does not.

Run by the mutation test with the package of PYTHONPATH: python agreement.py MAP MODEL
"""

import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parent))

import naive

from qscore.density import read_density
from qscore.model import read_model
from qscore.score import score_atoms

TOLERANCE = 1e-9


def differences(map_path, model_path, which=None, sigmas=(0.4, 0.6)):
    """Largest difference of Q, and whether the same atoms are scored."""
    model = read_model(model_path)
    density = read_density(map_path, model.position)
    mine = score_atoms(density, model.position, which=which, sigmas=sigmas)
    twin = naive.score(map_path, model_path, sigmas=sigmas, which=which)
    chosen = model if which is None else model.take(which)
    ours = list(zip(chosen.chain, chosen.number, chosen.icode, chosen.residue, chosen.atom, chosen.altloc, strict=True))
    if ours != [(a.chain, str(a.number), a.icode, a.resname, a.name, a.altloc) for a in twin["atoms"]]:
        return np.inf, False
    expected = np.stack([twin["q"][sigma] for sigma in sigmas], axis=1)
    both = ~np.isnan(mine.q) & ~np.isnan(expected)
    worst = float(np.abs(mine.q - expected)[both].max()) if both.any() else 0.0
    return worst, bool((np.isnan(mine.q) == np.isnan(expected)).all())


if __name__ == "__main__":
    worst, same = differences(sys.argv[1], sys.argv[2])
    print(worst, same)
    sys.exit(0 if same and worst <= TOLERANCE else 1)
