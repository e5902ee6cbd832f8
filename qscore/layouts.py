"""The columns of every table: names, kinds, meanings and units."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column: its name, kind (text, whole, number, yes/no) and meaning with unit."""

    name: str
    kind: str
    meaning: str


@dataclass(frozen=True)
class Layout:
    """The columns of a table, in order."""

    name: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]


def _columns(text: str) -> tuple[Column, ...]:
    """Lines of ``name | kind | meaning`` → columns."""
    return tuple(Column(*(part.strip() for part in line.split("|", 2))) for line in text.strip().splitlines())


FITTED_CLASSES = ("protein", "nucleic", "ligand", "glycan", "ion", "water")
_PAIR = """
emdb_id | text | EMDB entry, EMD-n
pdb_id | text | PDB entry of the fitted model, lower case
"""
_FILES = """
map_file | text | file of the map
model_file | text | file of the model
map_stamp | text | size and time of a map of one's own; size, frame and statistics of the archive's
model_stamp | text | size and time of a model of one's own
"""
_METADATA = """
resolution | number | reported resolution, Å
resolution_method | text | criterion of the reported resolution
method | text | how the structure was determined
sample | text | name of the sample
title | text | title of the entry
point_group | text | symmetry applied to the reconstruction
map_release | text | date the map was released, year-month-day
contour_level | number | recommended contour level, map units
voxel | number | voxel size along x, Å
composite | yes/no | whether the map is assembled from several
in_frame | text | relation of the model to the map as deposited
apoferritin | text | why the pair belongs to the apoferritin subset; empty when it does not
synthetic | yes/no | whether the pair is made up for demonstration
deposition | text | date of deposition
update | text | date the entry was last updated
doi | text | DOI of the primary citation
pubmed | text | PubMed id of the primary citation
uniprot | text | UniProt accessions of the sample, sorted, space between
software | text | programs of the reconstruction as the archive names them
x_source | text | where the resolution was read, and which of several was taken
calculated_resolution | number | resolution by FSC 0.143 as EMDB computes it from half maps, Å
map_model_fsc05 | number | resolution at which the map–model FSC is 0.5, as EMDB computes it, Å
nyquist_ratio | number | resolution in units of two voxels
map_grid | text | points of the map along columns, rows and sections as deposited
map_mb | number | size of the map uncompressed, MB
cluster_pub | text | pairs of one publication share it (DOI, PubMed id, or a run of ids with the same authors)
cluster_protein | text | pairs of one protein share it (UniProt accessions, else name of the sample)
"""

PAIRS = Layout("pairs", _columns(_PAIR.strip() + _FILES + _METADATA.strip()))
EXCLUDED = Layout(
    "excluded",
    _columns(_PAIR + "sample | text | name of the sample\nreason | text | why the pair is left out"),
)
_BATCH = """
map_release | text | date the map was released
resolution | number | reported resolution, Å
contour_level | number | recommended contour level, map units
map_grid | text | points of the map along columns, rows and sections as deposited
"""
BATCH = Layout("batch", _columns(_PAIR.strip() + _FILES + _BATCH.strip()))
EXAMINED = Layout(
    "examined", tuple(column for column in BATCH.columns if column.name not in ("contour_level", "map_grid"))
)

_STATISTICS = """
q_mean | number | mean Q, σ 0.4 Å, no waters, an atom without score counting 0: EMDB's definition
q_scored | number | mean Q, σ 0.4 Å, no waters, over scored atoms
q_all | number | mean Q, σ 0.4 Å, with waters, an atom without score counting 0
q_mean_06 | number | as q_mean, σ 0.6 Å
q_scored_06 | number | as q_scored, σ 0.6 Å
q_all_06 | number | as q_all, σ 0.6 Å
"""
_REALSPACE = """
avg_density | number | mean over atoms of the mean of the 8 nearest grid points, no waters, map units
avg_density_z | number | the same minus the mean of the whole map, in its standard deviations
avg_density_solvent_z | number | avg_density minus the mean of the solvent, in its standard deviations
frac_negative | number | share of atoms in density below 0, no waters
frac_below_solvent | number | share of atoms in density below the mode of the solvent
inclusion | number | share of atoms in density above the recommended contour level, no waters
inclusion_backbone | number | the same of backbone atoms
n_inclusion_outside | whole | atoms outside the map among them: not included
inclusion_surrogate | number | as inclusion, at surrogate_level
inclusion_backbone_surrogate | number | as inclusion_backbone, at surrogate_level
surrogate_level | number | level above which the box around the model holds the model's volume, map units
map_value | number | mean density at the centres of atoms, no waters, map units
contrast | number | mean over atoms of density at the centre minus that at the points Q samples at 2 Å, in solvent SD
cc | number | correlation about 0 with the simulated map, above the level that encloses 95 % of its density; B as b_sim
cc_mean | number | the same correlation about the mean
cc_mask | number | correlation about the mean in the molecular mask; B as b_sim
cc_box | number | correlation about the mean over the whole map, the simulated 0 beyond the box; B as b_sim
b_sim | number | one B of all atoms, fitted to maximise cc_mask, Å²
cc_deposited | number | as cc, B as deposited
cc_mean_deposited | number | as cc_mean, B as deposited
cc_mask_deposited | number | as cc_mask, B as deposited
cc_box_deposited | number | as cc_box, B as deposited
b_informative | yes/no | whether no quarter of the atoms has one and the same deposited B (0, a constant, a cap)
d_fsc05 | number | resolution at which the map–model FSC first falls below 0.5, map masked around the atoms, Å; one B
d_fsc05_deposited | number | the same, B as deposited
frac_unmodelled | number | share of points above the contour level that lie 5 Å or more from any atom
whole_map | yes/no | whether the file holds the whole map, not a part cut out around the model
map_mean | number | mean of the whole map, map units
map_sd | number | its standard deviation
solvent_mean | number | mean of points 5 Å or more from any atom, exactly constant map left out, map units
solvent_sd | number | their standard deviation
solvent_mode | number | their mode
n_solvent | whole | how many they are
not_measured | text | scores that are empty, each with the reason
"""
_MEASURED = (
    """
status | text | scored, or unusable
stage | text | where an unusable pair failed
reason | text | why: one of the closed list
detail | text | one line about it
transient | yes/no | whether another run may succeed with the same files
n_atoms | whole | non-hydrogen atoms of the model
n_scored | whole | of them scored
n_outside | whole | not scored: centre outside the map
n_constant | whole | not scored: the map is constant around it
n_not_finite | whole | not scored: the map is not a number around it
n_hydrogen | whole | hydrogens and deuteriums left out
n_altloc | whole | alternate locations left out
n_zero_occupancy | whole | scored atoms of zero occupancy
"""
    + _STATISTICS.strip()
    + """
q_backbone | number | mean Q of backbone atoms, σ 0.4 Å, over scored atoms
q_side_chain | number | mean Q of side-chain and base atoms, σ 0.4 Å, over scored atoms
q_protein | number | mean Q of protein atoms, σ 0.4 Å, over scored atoms
q_nucleic | number | mean Q of nucleic-acid atoms
q_ligand | number | mean Q of ligand atoms
q_glycan | number | mean Q of glycan atoms
q_ion | number | mean Q of ions
q_water | number | mean Q of waters
n_protein | whole | protein atoms
n_nucleic | whole | nucleic-acid atoms
n_ligand | whole | ligand atoms
n_glycan | whole | glycan atoms
n_ion | whole | ions
n_water | whole | water atoms
q_p05 | number | 5th percentile of Q of scored atoms but waters, σ 0.4 Å
q_p25 | number | 25th percentile
q_p50 | number | median
q_p75 | number | 75th percentile
q_p95 | number | 95th percentile
frac_shell_on_constant | number | share of shell points on exactly constant map or outside
mask_distance | number | 1st percentile over atoms of the distance to exactly constant map, Å; empty beyond 3
tight_mask | yes/no | mask_distance below 2.5 Å: Q is an upper bound
voxel_x | number | voxel size, Å
voxel_y | number | voxel size, Å
voxel_z | number | voxel size, Å
grid | text | points of the map along x, y, z
origin_rule | text | header words that placed the map: nstart or origin
notes | text | what is odd about the files
q_null | number | chance level: mean Q of the model at random places and orientations in the map, σ 0.4 Å
q_null_sd | number | its standard deviation over these
n_null | whole | how many of these there are
"""
    + _REALSPACE.strip()
    + """
n_floor_shared | whole | atoms whose coordinates round down to those of another: EMDB reads Q back by these
n_named_h | whole | scored atoms that are no hydrogens but named like one
map_bytes | whole | size of the map file
model_bytes | whole | size of the model file
map_sha256 | text | digest of the map file
model_sha256 | text | digest of the model file
version | text | version of the scorer
"""
)

_PUBLISHED = """
q_published | number | mean Q as the archive publishes it, σ 0.4 Å, 3 decimals
published_source | text | where it was read
model_revision | text | date of the model's last revision
"""
PUBLISHED = Layout("published", _columns(_PAIR.strip() + _PUBLISHED.rstrip()))
SCORED = Layout("scored", _columns(_PAIR.strip() + _MEASURED.rstrip()))
ENTRIES = Layout("entries", PAIRS.columns + SCORED.columns[2:] + PUBLISHED.columns[2:])
RESIDUES = Layout(
    "residues",
    _columns(
        _PAIR.strip()
        + """
chain | text | author chain
number | text | author residue number
icode | text | insertion code
residue | text | residue name
class | text | protein, nucleic, ligand, glycan, ion or water
n_atoms | whole | non-hydrogen atoms
n_scored | whole | of them scored
q_04 | number | mean Q of scored atoms, σ 0.4 Å
q_06 | number | mean Q of scored atoms, σ 0.6 Å
q_04_backbone | number | of its backbone atoms
q_04_side_chain | number | of its side-chain or base atoms
inclusion | number | share of its atoms in density above the recommended contour level
z | number | mean over its atoms of the 8 nearest grid points, minus the mean of the whole map, in its SD
cc_local | number | correlation about the mean with the simulated map within 2.5 Å (1.5 voxels) of its atoms; B as b_sim
frac_on_constant | number | share of its shell points on exactly constant map or outside
"""
    ),
)
CHAINS = Layout(
    "chains",
    _columns(
        _PAIR.strip()
        + """
chain | text | author chain
n_residues | whole | its polymer residues with a scored atom
n_scored | whole | scored atoms of these
q_04 | number | mean Q of these atoms, σ 0.4 Å
"""
    ),
)
INCLUSION = Layout(
    "inclusion",
    _columns(
        _PAIR.strip()
        + """
level | number | contour level, map units
inclusion | number | share of atoms in density above it, no waters
inclusion_backbone | number | the same of backbone atoms
frac_map | number | share of points of the box around the model above it
"""
    ),
)
OTHER_SCORES = _columns(_REALSPACE.strip())
ATOMS = Layout(
    "atoms",
    _columns("""
serial | text | serial number in the file
chain | text | author chain
number | text | author residue number
icode | text | insertion code
residue | text | residue name
atom | text | atom name
altloc | text | alternate location
element | text | element
x | number | Å
y | number | Å
z | number | Å
class | text | protein, nucleic, ligand, glycan, ion or water
q_04 | number | Q, σ 0.4 Å; empty where not scored
q_06 | number | Q, σ 0.6 Å; empty where not scored
"""),
)
COVERAGE = Layout(
    "coverage",
    _columns("""
band | number | share of entries that the band says it holds
low | number | lower edge of the bin of resolution, Å
high | number | upper edge, Å
pooled | text | the bins of the survey that were pooled for want of rows, with their rows
n | whole | rows
covered | whole | rows within the band of a curve fitted without them and their groups
share | number | covered / n
limit_low | number | exact binomial 99.9 % limits of the share, were the band right: lower
limit_high | number | upper
within | yes/no | whether the share lies within these limits
least_squares | number | share within the prediction interval of the least-squares line instead
least_squares_pooled | text | that share in each of the bins that were pooled, with their rows
"""),
)
LINES = Layout(
    "lines",
    _columns("""
fit | text | rows the line is of: a subset; -06 for σ 0.6 Å; a class of atoms; -fsc05 over the map–model FSC
method | text | least squares, Huber, bisquare or Theil–Sen; cubic: least squares
x | text | what R is: resolution (as reported) or map_model_fsc05, Å
sigma | number | width of the reference Gaussian, Å
class | text | class of atoms, or all
n | whole | rows
x_low | number | lowest R, Å
x_high | number | highest R, Å
equation | text | Q over R, rounded; in full in expected_q.json
slope | number | Q per Å
intercept | number | Q
slope_se | number | standard error under independent errors: classical; of Huber and bisquare their own
intercept_se | number | the same of the intercept
slope_se_hc3 | number | under independent errors of unequal spread (HC3)
intercept_se_hc3 | number | the same of the intercept
slope_se_redrawn | number | standard error by redrawing groups of rows
intercept_se_redrawn | number | the same of the intercept
slope_low | number | 95 % interval of the slope: lower end
slope_high | number | upper end
interval | text | what the intervals rest on: what is redrawn, or independent rows
groups | whole | groups redrawn
r_squared | number | explained share of the variance
r_squared_low | number | 95 % interval of it with groups redrawn: lower end
r_squared_high | number | upper end
rmse | number | root mean square residual, Q
lack_of_fit_p | number | of a natural spline against the line, Wald with HC3; 0: too small for a number
lack_of_fit_f2 | number | Cohen's f² of the curvature
verdict | text | what that says of a line
"""),
)
OFFSETS = Layout(
    "offsets",
    _columns("""
residue | text | residue name; any for all others
part | text | all, backbone or side chain
resolution_low | number | lower edge of the resolution bin, Å
resolution_high | number | upper edge, Å
offset | number | expected Q of the residue minus expected Q of its entry, σ 0.4 Å
sd | number | standard deviation of its Q about expected Q plus offset, over the archive
n_residues | whole | residues the bin rests on
n_entries | whole | entries
"""),
)
_JUDGED = """
resolution | number | reported resolution, Å
q_mean | number | mean Q, σ 0.4 Å
expected_q | number | expected Q at that resolution: the median of the curve
low | number | lower end of the 95 % band
high | number | upper end of the 95 % band
equation | text | where the expectation comes from
left_out | text | why the pair is not in the main fit; empty when it is
beyond_band | number | Q beyond the 95 % band: negative below it, positive above, 0 within; empty without one
z | number | residual in units of the null's scale on that side
z_descriptive | number | residual of the bisquare spline in local MADs (501 nearest): for reading, not for tests
p_low | number | probability of so low a Q under the null
p_high | number | probability of so high a Q under the null
p_adjusted | number | Benjamini–Hochberg over all pairs, of the side the pair lies on
flag | text | low, high, or empty: at the survey's false discovery rate
flag_reference | text | the same under the reference-set null; missing where that null cannot flag
flag_mirrored | text | the same under the mirrored-tail null (low side)
band_mapq | text | low, high or empty: against the published band of MapQ 2.9.7
percentile | number | share of the conditional distribution at that resolution that lies below, 0 to 1
q_relative_all | number | share of entries with Q at most this one's (EMDB)
q_relative_1_0 | number | the same among entries within 1.0 Å (EMDB)
q_relative_0_5 | number | the same among entries within 0.5 Å (EMDB)
z_chance | number | distance of q_scored from the chance level, in its standard deviations
"""
OUTLIERS = Layout("outliers", _columns(_PAIR.strip() + _JUDGED.rstrip()))
_FRAME = """
q_before | number | mean Q of the atoms compared, σ 0.4 Å, as deposited
shift | number | length of the best rigid shift of the model, Å
shift_x | number | its x, Å
shift_y | number | its y, Å
shift_z | number | its z, Å
shift_voxels | text | the same in voxels along x, y, z
shift_error | number | standard error of the shift, along the axis where it is largest, Å
half_voxel | yes/no | whether frame is a shift of at most 0.75 voxel along every axis
q_shifted | number | mean Q of the same atoms after the shift
shift_gain | number | q_shifted minus q_before
hand | text | mirrored axis under which the model fits best: x, y, z or xyz
hand_shift | number | length of the shift in the mirrored map, Å
q_hand | number | mean Q of the same atoms in the mirrored map after that shift
hand_gain | number | q_hand minus q_before
decoys | whole | decoys searched: the model in random orientations
decoy_gain | number | the best Q the same search finds for a decoy, minus q_before
frame | text | shift, hand or empty: what raises Q by more than the search does on decoys
"""
FRAMES = Layout(
    "frames",
    _columns(
        _PAIR.strip()
        + """
status | text | examined, or unusable
reason | text | why: one of the closed list
detail | text | one line about it
"""
        + _FRAME.strip()
    ),
)
FLAGS = Layout(
    "flags",
    _columns(
        _PAIR.strip()
        + "\nsample | text | name of the sample"
        + _JUDGED
        + """q_null | number | chance level: mean Q of the model at random places in the map
q_null_sd | number | its standard deviation
cause | text | why it is flagged: one of the closed list, or unexplained; empty without a flag or cause
evidence | text | the numbers the cause rests on
frac_outside | number | share of atoms outside the map
mask_distance | number | 1st percentile over atoms of the distance to exactly constant map, Å
map_model_fsc05 | number | resolution at which the map–model FSC is 0.5, Å
calculated_resolution | number | resolution by FSC 0.143 as EMDB computes it from half maps, Å
n_regions | whole | under-resolved regions
frac_in_regions | number | share of polymer residues in under-resolved regions
q_outside_regions | number | mean residue Q of polymer residues outside the regions
"""
        + _FRAME.strip()
    ),
)
REGIONS = Layout(
    "regions",
    _columns(
        _PAIR.strip()
        + """
kind | text | chain region; ligand, glycan, ion or water
chain | text | author chain; of pooled copies the first
from | text | author number of the first residue, with insertion code
to | text | author number of the last residue, with insertion code
length | whole | residues
mean_q | number | mean Q of its residues, σ 0.4 Å
expected | number | mean of what is expected of these residues at this resolution
z_within | number | mean residual with the entry's median removed, in units of the entry's scale
z_archive | number | mean residual against the archive's expectation, in units of the archive's scale
p | number | rank of the chain's scan maximum among the reference chains
p_adjusted | number | Benjamini–Hochberg over unique chains of the survey or pair
pooled | text | chains pooled as copies of one
reference | text | what the null rests on: this survey's chains, or the shipped table
"""
    ),
)
SCAN_NULL = Layout(
    "scan_null",
    _columns("""
kind | text | class of the chain: protein, nucleic, or any
maximum | number | scan maximum
length | number | residues with a score
resolution | number | reported resolution, Å; empty for chains that serve every resolution
near | number | autocorrelation of the residuals at lag 1, outside the worst run
far | number | mean of that at lags 3–5
skew | number | skewness of the residuals there
reference | text | what the chains are
"""),
)
REGION_SUMMARY = Layout(
    "regions of entries",
    FLAGS.columns[:2]
    + tuple(column for column in FLAGS.columns if column.name in ("n_regions", "frac_in_regions", "q_outside_regions")),
)
LIGANDS = Layout(
    "ligands",
    _columns(
        _PAIR.strip()
        + """
class | text | ligand, glycan, ion or water
component | text | id in the Chemical Component Dictionary
chain | text | author chain
number | text | author residue number
icode | text | insertion code
altloc | text | alternate location scored
occupancy | number | mean occupancy of its atoms
n_atoms | whole | non-hydrogen atoms
n_scored | whole | of them scored
q_04 | number | mean Q of scored atoms, σ 0.4 Å
site_q | number | mean Q of scored polymer atoms within 5 Å of any of its atoms, σ 0.4 Å
n_site | whole | how many those are
dq_site | number | q_04 minus site_q
"""
    ),
)
BESIDE_ENTRIES = (RESIDUES, LIGANDS, INCLUSION)  # the tables that scoring leaves beside that of entries
RANKED = Layout(
    "ligands",
    LIGANDS.columns
    + _columns("""
resolution | number | reported resolution, Å
percentile | number | share of ligands of its class, size and resolution whose dq_site lies below, 0 to 1
p | number | probability of so low a dq_site among them; below 0.05 an upper bound
p_adjusted | number | Benjamini–Hochberg over the survey's ligands, glycans and ions; over its waters by themselves
reference | text | what the percentile rests on: this survey's ligands, or the shipped table
"""),
)
CONCORDANCE = Layout(
    "concordance",
    _columns(
        _PAIR.strip()
        + """
resolution | number | reported resolution, Å
q_mean | number | mean Q computed here, EMDB's definition
q_published | number | mean Q the archive publishes
difference | number | ours minus theirs
differs | yes/no | by more than 0.005
cause | text | a guess why, where it differs
evidence | text | the numbers the guess rests on
"""
    ),
)
COMPARED = Layout(
    "compared",
    _columns("""
chain | text | author chain
number | text | author residue number
icode | text | insertion code
residue_before | text | residue name in the first model; empty where it has none
residue_after | text | residue name in the second model; empty where it has none
class | text | protein, nucleic, ligand, glycan or ion
match | text | same; renamed (another residue name); only before; only after
n_atoms_before | whole | non-hydrogen atoms in the first model
n_atoms_after | whole | non-hydrogen atoms in the second model
q_before | number | mean Q of its scored atoms in the first model, σ 0.4 Å
q_after | number | the same in the second model
difference | number | after minus before; empty where either is not scored
"""),
)
DRAWS = Layout(
    "draws",
    _columns("""
rule | text | blind or well_fitted
draw | whole | number of the draw; with the seed it gives the draw again
n | whole | pairs drawn
slope | number | of the least-squares line of mean Q on resolution, Q per Å
intercept | number | Q
rmse | number | root mean square residual, Q
r_squared | number | share of the variance the line explains
"""),
)
RIVALS = Layout(
    "rivals",
    _columns("""
subset | text | all, or the name of a subset
family | text | density, negative, inclusion, value, correlation, fsc or q
form | text | historical: as first used; best: the strongest form known
score | text | column of the entries table
name | text | the score in words
n | whole | entries of the fit that have it
share | number | of all entries of the fit in this subset
pearson | number | Pearson's r with reported resolution
pearson_low | number | 95 % interval, groups of entries redrawn, the wider of publications and proteins: lower end
pearson_high | number | upper end
spearman | number | Spearman's ρ with reported resolution
spearman_low | number | 95 % interval, as of pearson: lower end
spearman_high | number | upper end
wrong_way | yes/no | whether better values go with worse resolution; empty where ρ is not told from 0
r_squared_line | number | share of its variance that a line over resolution explains
r_squared_spline | number | that a natural spline (df 4) explains
error | number | root mean square error of the resolution predicted from it, isotonic, grouped folds, Å
error_median | number | median absolute error of the same, Å
error_line | number | root mean square error of the same by a line, Å
error_none | number | root mean square error without any score: the mean resolution of the other folds, Å
n_with_q | whole | entries that have it and q_mean
error_less_q | number | its error minus that of q_mean on these, Å
error_less_q_low | number | 95 % interval, predictions as they stand and groups redrawn: lower end
error_less_q_high | number | upper end
pearson_less_q | number | its |r| minus that of q_mean on these
pearson_less_q_low | number | 95 % interval: lower end
pearson_less_q_high | number | upper end
error_common | number | its error on the entries that have every ranked score, Å
rank | whole | by error_common; empty where nothing is ranked
among_best | yes/no | whether its error is not told from the best one's, all pairs tested at once at 95 %
"""),
)
CORRELATIONS = Layout(
    "correlations",
    _columns("""
subset | text | all, or the name of a subset
first | text | column of the entries table
second | text | another
n | whole | entries of the fit that have both
pearson | number | Pearson's r
spearman | number | Spearman's ρ
"""),
)
PROFILES = Layout(
    "profiles",
    _columns("""
chain | text | author chain; empty, as all that names an atom, for a type of atoms
number | text | author residue number
icode | text | insertion code
residue | text | residue name
atom | text | atom name
altloc | text | alternate location
class | text | protein, nucleic, ligand, glycan, ion or water
part | text | backbone, side chain or base; of protein and nucleic acid only
element | text | element
n_atoms | whole | atoms of the type; 1 for an atom
q | number | Q at that sigma; of a type the mean over its scored atoms; empty where not scored
sigma | number | width of the reference Gaussian, Å
radius | number | distance from the atom, Å
n_points | whole | points Q sampled there: nearer to the atom than to others
mean | number | mean of the map at them, map units
sd | number | standard deviation of the map among them, map units
reference | number | a + b exp(-radius² / 2 sigma²), least squares to the points of all radii, map units
"""),
)
SHOWN_PROFILES = Layout(
    "shown profiles",
    _columns(_PAIR.strip() + "\nwhich | text | best or worst: the atom is one of those with the highest or lowest Q")
    + PROFILES.columns,
)
TRACES = Layout(
    "traces",
    _columns(
        _PAIR.strip()
        + """
chain | text | author chain
number | text | author residue number
icode | text | insertion code
residue | text | residue name
class | text | protein or nucleic
x | number | of the atom that stands for the residue (CA, else P or C1'), Å
y | number | Å
z | number | Å
q_04 | number | mean Q of its scored atoms, σ 0.4 Å
"""
    ),
)
WORKLIST = Layout(
    "worklist",
    _columns(
        _PAIR.strip()
        + """
sample | text | name of the sample
suspected | text | what may be wrong: frame, hand, contour level, resolution, obsolete model, outside map, …
evidence | text | the numbers it rests on
effect | number | size of the effect, in the unit that `unit` names
unit | text | what the effect is
resolution | number | reported resolution, Å
q_mean | number | mean Q, σ 0.4 Å
expected_q | number | expected Q at that resolution
p_adjusted | number | Benjamini–Hochberg of the entry's flag, where it has one
command | text | the command that reproduces it
"""
    ),
)
