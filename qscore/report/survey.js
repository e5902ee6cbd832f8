"use strict";
/* Joins Bokeh's plot and table with the page's filters, search and panel. Text of strangers goes in by textContent only. */
(() => {
  const at = (id) => document.getElementById(id);
  if (!at("survey-document")) return;
  const facts = JSON.parse(at("survey-facts").textContent);
  Bokeh.logger.set_level("error");
  const survey = Bokeh.require("document").Document.from_json(JSON.parse(at("survey-document").textContent));
  const model = (name) => survey.get_model_by_name(name);
  const source = model("entries");
  const IndexFilter = Bokeh.Models.get("IndexFilter");

  // ---- columns ----

  // Of the block of `packed.py`: numbers as they stand in it; texts are taken apart when they are first asked for.
  async function unpacked() {
    const letters = atob(at("survey-data").textContent), packed = new Uint8Array(letters.length);
    for (let k = 0; k < letters.length; k++) packed[k] = letters.charCodeAt(k);
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).arrayBuffer();
  }

  function columns(bytes) {
    const arrays = { f4: Float32Array, u4: Uint32Array, u2: Uint16Array, u1: Uint8Array };
    const found = {};
    let from = 0;
    for (const [name, kind, length] of facts.layout) {
      if (kind === "text") later(found, name, new Uint8Array(bytes, from, length));
      else found[name] = new arrays[kind](bytes, from, length / arrays[kind].BYTES_PER_ELEMENT);
      from += length;
    }
    for (const [name, words] of Object.entries(facts.words)) found[name] = [...found[name]].map((k) => words[k]);
    found.year = new Float32Array(found.year).map((year) => year || NaN);
    return found;
  }

  function later(found, name, bytes) {
    let texts = null;
    Object.defineProperty(found, name, { get: () => texts ??= new TextDecoder().decode(bytes).split("\u001e") });
  }

  let data, every, group;
  let searched = null, places = null; // made when they are first asked for

  function haystack() {
    const { emdb, pdb, sample, title } = data;
    searched ??= every.map((k) => `${emdb[k]} ${pdb[k]} ${sample[k]} ${title[k]}`.toLowerCase());
    return searched;
  }

  function placeOf(key) {
    places ??= new Map(every.map((k) => [`${data.emdb[k]}_${data.pdb[k]}`, k]));
    return places.get(key);
  }

  function take(bytes) {
    data = columns(bytes);
    const { emdb, pdb, flag, cause, left_out: out } = data;
    every = emdb.map((_, k) => k);
    group = every.map((k) => flag[k] || (cause[k] ? "cause" : out[k] ? "out" : "within"));
    source.data = Object.fromEntries(facts.drawn.map((name) => [name, data[name]]));
  }

  // Not toLocaleString: its tables of languages take longer to load than all the rest of a label.
  const thousands = (text) => text.replace(/\B(?=(?:\d{3})+(?:\.|$))/g, ",");
  const fixed = (value, digits) => Number.isFinite(value) ? thousands(value.toFixed(digits)).replace("-", /[1-9]/.test(value.toFixed(digits)) ? "−" : "") : "–";
  const counted = (n) => thousands(String(n));
  // As `words.percentile`: the ends say that they are ends.
  function percentile(value) {
    if (!Number.isFinite(value)) return "–";
    const side = value < 0.001 ? "below\u00a0" : value > 0.999 ? "above\u00a0" : "";
    return `${side}${fixed(100 * Math.min(Math.max(value, 0.001), 0.999), 1)}\u00a0%`;
  }

  // As `words.small_number`: 0.012, 3·10⁻⁵.
  function small(value) {
    if (!Number.isFinite(value) || value >= 0.001 || value === 0) return value === 0 ? "<\u00a010⁻³⁸" : fixed(value, 3);
    const [digits, power] = value.toExponential(0).split("e-");
    return `${digits}·10⁻${[...power].map((one) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[one]).join("")}`;
  }

  function put(tag, text, into) {
    const element = document.createElement(tag);
    element.textContent = text;
    if (into) into.append(element);
    return element;
  }

  // ---- filters ----

  const chosen = (id) => (at(id) ? at(id).value : "");
  const bit = (name, id) => {
    const place = chosen(id);
    return place === "" ? null : (k) => Math.floor(data[name][k] / 2 ** Number(place)) % 2 === 1;
  };
  const same = (name, id) => chosen(id) && ((k) => data[name][k] === chosen(id));

  function flagged() {
    const flag = chosen("by-flag");
    if (!flag) return null;
    return flag === "flagged" ? (k) => data.flag[k] !== "" : (k) => data.flag[k] === (flag === "none" ? "" : flag);
  }

  function conditions() {
    const words = chosen("search").toLowerCase().split(/\s+/).filter(Boolean);
    const texts = words.length ? haystack() : [];
    const from = chosen("from-year"), to = chosen("to-year");
    return [
      words.length && ((k) => words.every((word) => texts[k].includes(word))),
      flagged(), same("cause", "by-cause"), same("method", "by-method"),
      bit("classes", "by-classes"), bit("subsets", "by-subsets"),
      from && ((k) => data.year[k] >= Number(from)), to && ((k) => data.year[k] <= Number(to)),
    ].filter(Boolean);
  }

  let brush = null;

  function refresh() {
    const asked = conditions();
    const kept = asked.length ? every.filter((k) => asked.every((holds) => holds(k))) : every;
    for (const name of facts.groups) limit(`view ${name}`, kept.filter((k) => group[k] === name));
    const told = brush ? kept.filter((k) => brush.has(k)) : kept;
    limit("view table", told);
    at("shown").textContent = `${counted(kept.length)} of ${counted(every.length)} entries shown`;
    at("brushed").hidden = !brush;
    at("n-brushed").textContent = brush ? `The table holds the ${counted(told.length)} chosen in the plot.` : "";
  }

  function limit(view, indices) {
    model(view).filter = new IndexFilter({ indices });
  }

  function clearBrush() {
    brush = null;
    source.selected.indices = [];
    refresh();
  }

  function clearAll() {
    at("search").value = "";
    for (const one of document.querySelectorAll(".filters select")) one.value = "";
    clearBrush();
  }

  // ---- the panel ----

  const panel = at("panel");
  let opener = null;

  function open(k, { focus = false } = {}) {
    if (panel.hidden) opener = document.activeElement;
    at("panel-title").textContent = `${data.emdb[k]} / ${data.pdb[k]}`;
    at("panel-sample").textContent = [data.sample[k], data.title[k]].filter(Boolean).join(". ");
    verdict(k);
    numbers(k);
    links(k);
    panel.hidden = false;
    panel.scrollTop = 0;
    strips(data.strip[k]);
    if (focus) panel.focus();
  }

  function close() {
    if (panel.hidden) return;
    panel.hidden = true;
    source.selected.indices = brush ? [...brush] : [];
    if (opener && opener.isConnected) opener.focus();
  }

  function verdict(k) {
    const into = at("panel-verdict"), flag = data.flag[k];
    into.className = `verdict ${flag}`;
    into.replaceChildren();
    const said = flag ? `${flag === "low" ? "▼" : "▲"} flagged ${flag}` : Number.isFinite(data.expected_q[k])
      ? "not flagged" : "not judged";
    put("strong", data.cause[k] ? `${said}: ${data.cause[k]}` : said, into);
    if (data.evidence[k]) put("bdi", ` ${data.evidence[k]}`, into);
  }

  function numbers(k) {
    told("panel-numbers", [
      ["Resolution", `${fixed(data.resolution[k], 2)} Å`],
      ["Q", fixed(data.q_mean[k], 3)],
      ["Expected at this resolution", fixed(data.expected_q[k], 3)],
      ["95 % of entries lie in", Number.isFinite(data.low[k]) ? `${fixed(data.low[k], 3)}–${fixed(data.high[k], 3)}` : "–"],
      ["Percentile at this resolution", percentile(data.percentile[k])],
      ["z (null’s scale)", fixed(data.z[k], 2)],
      ["Adjusted p", small(data.p_adjusted[k])],
    ]);
    at("panel-rest").hidden = !told("panel-others", [
      ...facts.beside.map(([name, words, digits]) => [words, fixed(data[name][k], digits)]),
      ["Method", data.method[k] || "–"],
      ["Map released", Number.isFinite(data.year[k]) ? String(data.year[k]) : "–"],
      ["In the line", data.left_out[k] ? `no: ${data.left_out[k]}` : "yes"],
    ]);
  }

  // Terms and values as rows of a list, without those that are not known.
  function told(id, rows) {
    const into = at(id), known = rows.filter(([, value]) => value !== "–");
    into.replaceChildren();
    for (const [term, value] of known) {
      const row = put("div", "", into);
      put("dt", term, row);
      put("dd", value, row);
    }
    return known.length;
  }

  function links(k) {
    const into = at("panel-links");
    into.replaceChildren();
    const add = (address, words) => {
      const link = put("a", words, into);
      link.href = address;
      link.rel = "noreferrer";
    };
    if (data.stem[k]) {
      add(`${facts.pages}/${encodeURIComponent(data.stem[k])}.html`, "The page of this entry");
      put("span", `in the folder “${facts.pages}” beside this file`, into);
    }
    if (facts.synthetic) return;
    if (new RegExp(`^(?:${facts.emdb_id})$`).test(data.emdb[k])) add(`https://www.ebi.ac.uk/emdb/${data.emdb[k]}`, "EMDB");
    if (new RegExp(`^(?:${facts.pdb_id})$`).test(data.pdb[k]))
      add(`https://www.rcsb.org/structure/${data.pdb[k].toUpperCase()}`, "PDB");
  }

  function strips(text) {
    at("panel-strips").hidden = !text;
    if (!text) return;
    const lines = text.split("\n"), more = lines.at(-1).includes("\t") ? "" : lines.pop().slice(1);
    const chains = lines.map((line) => line.split("\t"));
    const bins = { x: [], width: [], y: [], q: [], from: [], to: [], chain: [] };
    chains.forEach(([name, first, width, , , letters], row) => [...letters].forEach((letter, k) => {
      if (letter === facts.strip.gap) return;
      const from = Number(first) + k * Number(width), to = from + Number(width) - 1;
      const q = facts.strip.lowest + (facts.strip.alphabet.indexOf(letter) + 0.5) * facts.strip.step;
      const bin = { x: (from + to) / 2, width: Number(width) * 1.06, y: row + 1, q, from, to, chain: name };
      for (const key of Object.keys(bins)) bins[key].push(bin[key]);
    }));
    const ends = [Math.min(...bins.from), Math.max(...bins.to)];
    model("strip places").setv({ start: ends[0] - 0.5, end: ends[1] + 0.5 });
    model("strip rows").setv({ start: chains.length + 0.6, end: 0.4 });
    model("strip ticks").ticks = chains.map((_, row) => row + 1);
    model("strip axis").major_label_overrides = new Map(chains.map(([name], row) => [row + 1, name]));
    model("strip source").data = bins;
    model("strips").height = 56 + 18 * chains.length;
    const copies = chains.filter((chain) => Number(chain[4]) > 1).map((chain) => `${chain[0]} of ${chain[4]} alike`);
    at("panel-more").textContent = [
      `Lowest ${chains.length > 1 ? "chains" : "chain"} first${copies.length ? ` (${copies.slice(0, 6).join(", ")})` : ""}.`,
      more && `${counted(Number(more))} more not shown.`,
    ].filter(Boolean).join(" ");
  }

  // ---- plot and table ----

  function label(k) {
    const box = document.createElement("div");
    box.className = "label";
    box.style.cssText = "max-width:19rem;font:13px/1.45 var(--sans);overflow-wrap:anywhere";
    put("strong", `${data.emdb[k]} / ${data.pdb[k]}`, box);
    const sample = put("div", "", box);
    put("bdi", data.sample[k].length > 90 ? `${data.sample[k].slice(0, 89)}…` : data.sample[k], sample);
    put("div", `${fixed(data.resolution[k], 2)} Å,  Q ${fixed(data.q_mean[k], 3)}`, box);
    put("div", Number.isFinite(data.expected_q[k])
      ? `expected ${fixed(data.expected_q[k], 3)} (${fixed(data.low[k], 3)}–${fixed(data.high[k], 3)}), percentile ${percentile(data.percentile[k])}`
      : "not judged", box);
    if (data.flag[k] || data.cause[k])
      put("strong", [data.flag[k] && `flagged ${data.flag[k]}`, data.cause[k]].filter(Boolean).join(": "), box);
    return box;
  }

  function binLabel(k) {
    const bins = model("strip source").data, of = (name) => (bins instanceof Map ? bins.get(name) : bins[name])[k];
    const residues = of("from") === of("to") ? `residue ${of("from")}` : `residues ${of("from")} to ${of("to")}`;
    const box = put("div", `chain ${of("chain")}, ${residues}: Q ${fixed(of("q"), 2)}`);
    box.className = "label";
    return box;
  }

  function nearest(indices, x, y) {
    const [dx, dy] = ["x_range", "y_range"].map((range) => model("plot")[range].end - model("plot")[range].start);
    const far = (k) => ((data.resolution[k] - x) / dx) ** 2 + ((data.q_mean[k] - y) / dy) ** 2;
    return indices.reduce((best, k) => (far(k) < far(best) ? k : best));
  }

  function tapped(event) {
    const { selected } = source;
    if (selected.indices.length > 1) selected.indices = [nearest(selected.indices, event.x, event.y)];
  }

  function boxed(event) {
    if (!event.final || event.geometry.type !== "rect") return;
    brush = source.selected.indices.length ? new Set(source.selected.indices) : null;
    refresh();
  }

  // Numbers in the table are written as they are everywhere else on the page.
  function spell() {
    const words = {
      resolution: (value) => fixed(value, 2), q_mean: (value) => fixed(value, 3), expected_q: (value) => fixed(value, 3),
      percentile, p_adjusted: small, year: (value) => (Number.isFinite(value) ? String(value) : "–"),
    };
    for (const [name, say] of Object.entries(words)) {
      const formatter = model(`words of ${name}`);
      if (!formatter) continue;
      const plain = formatter.doFormat.bind(formatter);
      formatter.doFormat = (row, cell, value, ...rest) => plain(row, cell, say(value), ...rest);
    }
  }

  function listen() {
    const { selected } = source;
    selected.properties.indices.change.connect(() => {
      if (selected.indices.length === 1) open(selected.indices[0]);
    });
    model("plot").js_event_callbacks = { tap: [tapped], selectiongeometry: [boxed], reset: [clearBrush] };
    model("hover").tooltips = (_, vars) => label(vars.index);
    model("strip hover").tooltips = (_, vars) => binLabel(vars.index);
  }

  // Bokeh's canvas takes no colours from the page's style: they are handed over, again when light and dark change.
  function dress() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    for (const name of ["plot", "strips"]) {
      const plot = model(name);
      plot.setv({
        background_fill_color: colour(name === "plot" ? "card" : "strip-ground"), border_fill_color: colour(name === "plot" ? "paper" : "card"),
        outline_line_color: colour("rule"),
      });
      if (plot.title) plot.title.setv({ text_color: colour("ink"), text_font: colour("sans") });
      for (const axis of [...plot.below, ...plot.left].filter((one) => "axis_line_color" in one)) axis.setv({
        axis_label_text_color: colour("ink"), major_label_text_color: colour("ink"), axis_line_color: colour("soft"),
        major_tick_line_color: colour("soft"), minor_tick_line_color: colour("soft"),
        axis_label_text_font: colour("sans"), major_label_text_font: colour("sans"),
      });
      for (const grid of plot.center.filter((one) => "grid_line_color" in one)) grid.grid_line_color = colour("rule");
    }
    tint("band", colour("outer"));
    tint("half", colour("inner"));
    tint("curve", colour("line"));
    for (const name of facts.groups) tint(name, colour(`mark-${name}`));
  }

  function tint(name, value) {
    const drawn = model(name);
    for (const glyph of [drawn.glyph, drawn.selection_glyph, drawn.nonselection_glyph])
      for (const key of ["fill_color", "line_color", "hatch_color"])
        if (glyph && glyph !== "auto" && key in glyph) glyph[key] = { value };
  }

  function keyboard() {
    const view = Bokeh.index.find_one(model("table"));
    for (const header of view.shadow_el.querySelectorAll(".slick-header-column")) {
      header.tabIndex = 0;
      header.setAttribute("role", "button");
      header.removeAttribute("title");
      header.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); header.click(); }
      });
    }
    at("table").addEventListener("keydown", (event) => {
      const inGrid = event.target !== at("table");
      if (event.key === "ArrowDown" && !inGrid && view.grid.getDataLength()) {
        event.preventDefault();
        view.grid.resetActiveCell();
        view.grid.setActiveCell(0, 0);
        view.grid.focus();
      }
      if (event.key === "Enter" && inGrid && !panel.hidden) { opener = at("table"); panel.focus(); }
    }, true);
  }

  // ---- the rest of the page ----

  function follow(event) {
    const link = event.target.closest && event.target.closest('a[href^="#entry="]');
    if (!link) return;
    event.preventDefault();
    show(link.getAttribute("href"), true);
  }

  function show(address, focus) {
    if (!address.startsWith("#entry=")) return;
    const k = placeOf(decodeURIComponent(address.slice(7)));
    if (k !== undefined) open(k, { focus });
  }

  function wait(act, milliseconds) {
    let timer = 0;
    return () => { clearTimeout(timer); timer = setTimeout(act, milliseconds); };
  }

  async function start() {
    take(await unpacked());
    listen();
    spell();
    dress();
    refresh();
    await Bokeh.embed.add_document_standalone(survey, at("plot"), [at("plot"), at("table"), at("strips")]);
    keyboard();
    at("search").addEventListener("input", wait(refresh, 120));
    for (const one of document.querySelectorAll(".filters select")) one.addEventListener("change", refresh);
    at("reset").addEventListener("click", clearAll);
    at("clear-brush").addEventListener("click", clearBrush);
    at("close").addEventListener("click", close);
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
    document.addEventListener("click", follow);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress);
    window.addEventListener("hashchange", () => show(location.hash, true));
    show(location.hash, false);
    document.documentElement.dataset.ready = "yes";
  }

  document.documentElement.classList.add("with-scripts");
  start().catch((error) => { at("failed").hidden = false; throw error; });
})();

/* Buttons that copy an equation; where the clipboard is not to be had, the text is selected. */
document.addEventListener("click", async ({ target }) => {
  const button = target.closest && target.closest("button.copy");
  if (!button) return;
  const text = document.getElementById(button.dataset.copies);
  try {
    await navigator.clipboard.writeText(text.textContent.trim());
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(text);
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
});
