"""What is said beneath each figure, and where it belongs: for the survey's page and for Snakemake's report."""

SURVEY, METHOD, ENTRIES, CHECKS, SCORES = (
    "Q and resolution",
    "How Q is made",
    "Single entries",
    "Is it right?",
    "Other scores",
)
CATEGORIES = {
    "q_vs_resolution": SURVEY,
    "density": SURVEY,
    "diverse_set": SURVEY,
    "diverse_draws": SURVEY,
    "apoferritin": SURVEY,
    "q_by_class": SURVEY,
    "q_by_year": SURVEY,
    "profiles": METHOD,
    "flagged_entry": ENTRIES,
    "homogeneous": ENTRIES,
    "flagged_entries": ENTRIES,
    "percentile_bias": CHECKS,
    "coverage": CHECKS,
    "concordance": CHECKS,
    "q_vs_fsc05": SCORES,
    "score_correlations": SCORES,
    "scores_vs_resolution": SCORES,
}
CAPTIONS = {
    "q_vs_resolution": (
        "Mean Q against reported resolution",
        "Every scored entry, with the least-squares line of those that the fit takes, the expected Q with its 95 % "
        "band and the equation of MapQ 2.9.7. Look for entries outside the band: triangles are flagged, hollow marks "
        "take no part in the line. Of many flagged entries the ten furthest from the band are named.",
    ),
    "density": (
        "How many entries have which Q",
        "Entries in hexagons of resolution and Q, on a logarithmic scale (points where there are fewer than 300), with "
        "the expected Q and the bands meant to hold 50, 90 and 95 % of the entries. Look at how the bands follow the "
        "bulk, and at the tail below them. All scored entries within the curve’s resolutions are counted.",
    ),
    "diverse_set": (
        "A diverse set of entries",
        "One draw of 55 entries spread over 1.2–5 Å, no two of one protein, with its line, as in Figure 2A of the "
        "publication. It is the draw nearest to the median R² of all seeded draws, of the well fitted entries where "
        "CC-mean is known and of all eligible ones otherwise; it was not picked for its looks.",
    ),
    "diverse_draws": (
        "What the draw decides",
        "For both rules of drawing the draw nearest to the median R², and below the slope, the error and R² of all "
        "draws. Look at where the published R² of 0.95 (dotted) lies: it belongs to the rule whose draws hold it.",
    ),
    "apoferritin": (
        "Apoferritin only",
        "Mean Q against resolution of one protein that is resolved evenly, as in Figure 2C of the publication. Points "
        "should lie nearer to their line than in the whole survey. The entries are those the catalogue calls "
        "apoferritin; beneath stands how far the line moves without any one publication.",
    ),
    "q_by_class": (
        "Each class of atoms",
        "Mean Q of protein, nucleic acid, ligands, glycans, ions and waters, with the published equation of the class "
        "where there is one. Look for classes that fall off from their line. A class is drawn from three entries on.",
    ),
    "q_by_year": (
        "Q by year of release",
        "Q minus the Q expected at the entry’s resolution: median with its exact 95 % interval, and the middle half of "
        "the entries. A rise says that maps or models got better at the same reported resolution. Entries that the fit "
        "takes; of years with fewer than five each entry is a point.",
    ),
    "profiles": (
        "What Q measures",
        "The map around atoms by distance, with the Gaussian that Q compares it with, as in Figure 1 of the "
        "publication. Above the best and the worst atom of one entry: a resolved atom falls off like the Gaussian, an "
        "unresolved one is flat or rises. Below the best atom of entries over the range of resolutions, on the scale "
        "of the Gaussian. The entry is the unflagged one within its band whose percentile is nearest to a half, up to "
        "4 Å where there are such, among those with evidence.",
    ),
    "flagged_entry": (
        "An entry flagged low",
        "Q of each residue along the chains with the expected Q and its band, and the trace of the chains from two "
        "sides, coloured by Q, as in Figure 2B of the publication. Look for stretches below the band; regions are "
        "shaded, and have a black edge in the trace. Of the entries flagged low with evidence it is the furthest below "
        "its band, those with regions first.",
    ),
    "homogeneous": (
        "An evenly resolved entry",
        "The same for an entry in which Q varies least, as in Figure 2D of the publication: the contrast to the "
        "flagged one. It has the smallest standard deviation of the running mean of Q among unflagged entries within "
        "their band with evidence and at least 100 residues.",
    ),
    "flagged_entries": (
        "The worst entries along their chains",
        "Q of each residue and its running mean of seven beside the expected band. A fall over the whole length speaks "
        "for the frame or the map, one over a stretch for that stretch. Up to six flagged entries, the furthest from "
        "their band first, then entries that only have regions (shaded).",
    ),
    "percentile_bias": (
        "Are the percentiles fair?",
        "Percentiles at their own resolution should be uniform at every resolution. Left their histogram, right their "
        "quartiles in windows of neighbouring resolutions; shaded are the exact 99.9 % limits for independent entries. "
        "Look for bars or quartiles outside, or a trend with resolution. Entries that the fit takes.",
    ),
    "coverage": (
        "Do the bands hold what they say?",
        "Share of entries within the 50, 90 and 95 % bands in bins of resolution, each entry judged by a curve fitted "
        "without it and its kin. Dots belong within the boxes (exact 99.9 % limits); squares are the intervals of a "
        "least-squares line, which fail at both ends. Only surveys with a curve of their own have it.",
    ),
    "concordance": (
        "Q computed here against published Q",
        "Left both values with the identity, right their difference against their mean with the limits of agreement. "
        "Look for points outside the grey strip of ± 0.005; their mark says which cause was offered. All entries that "
        "have both values.",
    ),
    "q_vs_fsc05": (
        "Q against the FSC of map and model",
        "Mean Q against the resolution at which the FSC between map and model falls to 0.5. It follows Q more closely "
        "than the reported resolution does, as both ask how well the model fits. The source’s values where it has "
        "them, with the line and the cubic of the fit; otherwise those computed with the scores.",
    ),
    "score_correlations": (
        "How the scores go together",
        "Spearman’s ρ between every two scores and with resolution; purple negative, orange positive. Look down the "
        "first column for scores that follow resolution. All entries of the fit that have both.",
    ),
    "scores_vs_resolution": (
        "Each score against resolution",
        "One panel a score, with Spearman’s ρ. Look for scores that fall steadily with worse resolution, as Q does. "
        "Entries of the fit that have the score; where a long tail is left outside, the panel says how many.",
    ),
}
"""Of each figure of `figures.NAMES` its title and its text."""
