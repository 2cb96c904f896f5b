"use strict";
(() => {
  // A table that does not fit says so.
  const note = () => {
    for (const box of document.querySelectorAll(".scroll"))
      box.classList.toggle("wide", box.scrollWidth > box.clientWidth + 1);
  };
  note();
  addEventListener("resize", note);
  document.addEventListener("toggle", note, true);
})();
(() => {
  const { records, thumbnails } = JSON.parse(document.getElementById("data").textContent);
  if (!records.length) return;
  const find = (id) => document.getElementById(id);
  const selects = [...document.querySelectorAll("#choices select")];
  const search = find("search");
  const places = new Map(records.map((record, place) => [record.id, place]));
  const words = (name) => String(name).replaceAll("_", " ");
  let matches = [];
  let current = 0;

  // Everything that came from a model or a file enters the page as a text node.
  function make(name, properties = {}, ...children) {
    const node = Object.assign(document.createElement(name), properties);
    node.append(...children);
    return node;
  }

  function plain(text) {
    return text.spans.map((span) => (Array.isArray(span) ? span[0] : span)).join("");
  }

  function said(text) {
    const spans = text.spans.map((span) =>
      Array.isArray(span) ? make("mark", {}, span[0]) : span
    );
    const nodes = [make("p", { className: "said", dir: "auto" }, ...spans)];
    if (text.num_cut) {
      const note = `Cut for this page: ${text.num_cut.toLocaleString("en")} more characters.`;
      nodes.push(make("p", { className: "cut" }, note));
    }
    return nodes;
  }

  function haystack(record) {
    record.haystack ??= [
      record.id,
      record.prompt_id,
      ...record.judgments.map((judgment) => judgment.id),
      record.category,
      ...record.images.map((image) => image.name),
      ...[record.question, record.chosen, record.rejected].map(plain),
      ...record.judgments.map((judgment) => plain(judgment.text)),
    ].join("\n").toLowerCase();
    return record.haystack;
  }

  function choose() {
    const wanted = search.value.trim().toLowerCase();
    matches = records.filter(
      (record) =>
        selects.every(
          (select) => !select.value || String(record[select.dataset.field]) === select.value
        ) && (!wanted || haystack(record).includes(wanted))
    );
  }

  function facts(record) {
    const rows = [
      ["Iteration", record.iteration],
      ["Filter", words(record.filter)],
      ["Outcome", words(record.outcome)],
      ["Kind", record.kind],
      ["Category", words(record.category)],
    ];
    if (record.votes !== null) rows.push(["Votes", `${record.votes} against ${record.votes_rejected}`]);
    return make(
      "dl",
      { className: "facts" },
      ...rows.map(([name, value]) =>
        make("div", {}, make("dt", {}, name), make("dd", {}, make("bdi", {}, String(value))))
      )
    );
  }

  function ids(...named) {
    const items = named.flatMap(([name, id]) => [`${name} `, make("code", {}, id), " "]);
    return make("p", { className: "ids" }, ...items);
  }

  function pictures(record) {
    const figures = record.images.map((image, at) => {
      const source = image.thumbnail === null ? null : thumbnails[image.thumbnail];
      const why = image.thumbnail === null ? "left out to keep this page small" : "not readable";
      const name = `Image ${at + 1} of ${record.num_images}`;
      const caption = make("figcaption", {}, `${name}: `, make("bdi", {}, image.name));
      if (!source) caption.append(` (${why})`);
      return make(
        "figure",
        {},
        ...(source ? [make("img", { src: source, alt: `${name} that the question is about` })] : []),
        caption
      );
    });
    return make("div", { className: "pictures" }, ...figures);
  }

  function opinion(judgment) {
    if (judgment.prefers_chosen === null) return ["none", "? unparsed"];
    return judgment.prefers_chosen
      ? ["right", "\u2713 prefers chosen"]
      : ["wrong", "\u2717 prefers rejected"];
  }

  function showJudgment(judgment) {
    const [className, text] = opinion(judgment);
    const number = judgment.sample ? `, sample ${judgment.sample}` : "";
    const verdict = judgment.verdict ? `verdict ${judgment.verdict}` : "no verdict";
    const length = judgment.is_cut_by_length ? ", stopped by its length limit" : "";
    return make(
      "div",
      {},
      make("h4", {}, `Judgment, ${words(judgment.order)}${number}`),
      make(
        "p",
        {},
        make("span", { className }, text),
        ` (${verdict}${length}): ${words(judgment.outcome)}`
      ),
      ids(["judgment", judgment.id]),
      ...said(judgment.text)
    );
  }

  function showResponse(title, text) {
    return make("div", {}, make("h4", {}, title), ...said(text));
  }

  function showRecord(record) {
    const isMarked = record.chosen.spans.concat(record.rejected.spans).some(Array.isArray);
    const note = isMarked ? [make("p", { className: "note" }, "Marked: what the injected error changed.")] : [];
    find("record").replaceChildren(
      make("h3", {}, "Record ", make("a", { href: `#${record.id}` }, record.id)),
      facts(record),
      ids(["prompt", record.prompt_id], ["pair", record.pair_id]),
      make("h4", { className: "question" }, "Question"),
      ...said(record.question),
      pictures(record),
      make(
        "div",
        { className: "columns" },
        showResponse("Chosen response (held better)", record.chosen),
        showResponse("Rejected response", record.rejected)
      ),
      ...note,
      make("div", { className: "columns" }, ...record.judgments.map(showJudgment))
    );
  }

  // A text that does not fit can be scrolled by keyboard too.
  function reachLongTexts() {
    for (const node of document.querySelectorAll("#record .said")) {
      if (node.scrollHeight > node.clientHeight) {
        node.tabIndex = 0;
        node.setAttribute("role", "group");
        node.setAttribute("aria-label", "Long text, scrolls");
      }
    }
  }

  function showList() {
    if (!find("list").open) return;
    const first = Math.max(0, Math.min(current - 100, matches.length - 200));
    const items = matches.slice(first, first + 200).map((record) => {
      const start = plain(record.question).slice(0, 80);
      const link = make("a", { href: `#${record.id}` }, record.id);
      if (record === matches[current]) link.setAttribute("aria-current", "true");
      return make("li", {}, link, `: ${words(record.outcome)}, `, make("bdi", {}, start));
    });
    find("matches").start = first + 1;
    find("matches").replaceChildren(...items);
  }

  function show(place) {
    current = place;
    const total = `${matches.length.toLocaleString("en")} of ${records.length.toLocaleString("en")} records match`;
    find("previous").disabled = place <= 0;
    find("next").disabled = place >= matches.length - 1;
    if (!matches.length) {
      find("count").textContent = "No record matches.";
      find("record").replaceChildren(make("p", {}, "No record matches these choices."));
    } else {
      find("count").textContent = `Record ${place + 1} of ${matches.length.toLocaleString("en")}; ${total}.`;
      showRecord(matches[place]);
      reachLongTexts();
    }
    showList();
  }

  function step(by) {
    const place = current + by;
    if (place < 0 || place >= matches.length) return;
    show(place);
    history.replaceState(null, "", `#${matches[place].id}`);
  }

  function rechoose() {
    const before = matches[current];
    choose();
    show(Math.max(0, matches.indexOf(before)));
  }

  // A link to a record shows it, whatever was chosen before.
  function follow() {
    const place = places.get(location.hash.slice(1));
    if (place === undefined) return false;
    if (!matches.includes(records[place])) {
      find("choices").reset();
      choose();
    }
    show(matches.indexOf(records[place]));
    find("record").scrollIntoView();
    return true;
  }

  for (const select of selects) {
    const values = [...new Set(records.map((record) => String(record[select.dataset.field])))];
    select.append(
      make("option", { value: "" }, "all"),
      ...values.map((value) => make("option", { value }, words(value)))
    );
    select.addEventListener("change", rechoose);
  }
  search.addEventListener("input", rechoose);
  find("choices").addEventListener("submit", (event) => event.preventDefault());
  find("previous").addEventListener("click", () => step(-1));
  find("next").addEventListener("click", () => step(1));
  find("list").addEventListener("toggle", showList);
  addEventListener("hashchange", follow);
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && event.target === search) search.blur();
    if (event.target.closest?.("input, select, textarea, .scroll")) return;
    if (event.key === "n" || event.key === "ArrowRight") step(1);
    else if (event.key === "p" || event.key === "ArrowLeft") step(-1);
    else if (event.key === "/") {
      event.preventDefault();
      search.focus();
    }
  });
  find("browser").hidden = false;
  choose();
  if (!follow()) show(0);
})();
