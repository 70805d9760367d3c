
// The page as a whole: its state, the parts around the cards, and the source of the numbers.

// Age in seconds from which numbers are stale.
const STALE_S = 30;
// Time without an event after which the numbers are fetched, because the stream may be dead.
const SILENCE_MS = 10000;

let numbers = null;
let progress = null;
let receivedAt = 0;
let connection = "connecting";
let announced = "";
let stream = null;
let fetching = false;
const cards = new Map();
let made = 0;
let fitted = "";

// Around the cards

function updateTotals() {
  let [offered, answered, abandoned] = [0, 0, 0];
  let hasCalls = false;
  for (const queue of numbers.queues) {
    for (const channel of queue.channels.filter((one) => one.immediate)) {
      hasCalls = true;
      const today = channel.windows.today;
      if (!today) continue;
      offered += today.offered;
      answered += today.answered;
      abandoned += today.abandoned;
    }
  }
  const selfService = Object.values(numbers.self_service);
  const contained = selfService.reduce((sum, outcomes) => sum + outcomes.contained, 0);
  const outcomes = selfService
    .flatMap((counts) => Object.values(counts))
    .reduce((sum, one) => sum + one, 0);
  const units = Object.values(numbers.followups);
  const owed = units.reduce((sum, unit) => sum + unit.open, 0);
  const overdue = units.reduce((sum, unit) => sum + unit.overdue, 0);
  const surveys = numbers.surveys;

  const groups = [];
  if (hasCalls) {
    groups.push([words.today, [
      ["offered", count(offered), words.callsOffered],
      ["answered", count(answered), words.callsAnswered],
      ["abandoned", count(abandoned), words.callsAbandoned],
    ]]);
  }
  const sinceStart = [["started", count(numbers.contacts_started.phone ?? 0), words.callsStarted]];
  if (outcomes > 0) {
    const share = percent(contained / outcomes);
    sinceStart.push(["contained", `${count(contained)} · ${share}`, words.contained]);
  }
  if (surveys.responses > 0) {
    const answers = fill(words.answers, count(surveys.responses));
    sinceStart.push(["csat", percent(surveys.csat), `${words.csat} · ${answers}`]);
  }
  groups.push([words.sinceStart, sinceStart]);
  if (units.length > 0) {
    groups.push([words.now, [
      ["followups", count(owed), words.followupsOpen],
      ["followups-overdue", count(overdue), words.followupsOverdue, overdue > 0],
    ]]);
  }

  const section = byId("totals");
  const shape = groups.map(([, figures]) => figures.map(([field]) => field).join()).join(";");
  if (section.dataset.shape !== shape) {
    section.dataset.shape = shape;
    section.replaceChildren(...groups.map(([, figures]) => {
      const nodes = figures.map(([field]) => figure(field).node);
      return make("div", "group", make("h2"), make("dl", "", ...nodes));
    }));
  }
  groups.forEach(([title, figures], index) => {
    const group = section.children[index];
    put(group.firstChild, title);
    figures.forEach(([, value, word, late], at) => {
      const node = group.lastChild.children[at];
      put(node.firstChild, word);
      put(node.lastChild, value);
      node.classList.toggle("late", Boolean(late));
    });
  });
}

function updateProgress() {
  const section = byId("progress");
  const [title, reason, why, list] = section.children;
  put(title, words.catchingUp);
  // The text comes from the server.
  put(reason, progress.error);
  const partitions = progress.partitions;
  put(why, partitions.length > 0 ? words.catchingUpWhy : words.unassigned);
  if (list.children.length !== partitions.length) {
    list.replaceChildren(...partitions.map(() =>
      make("div", "partition", make("span", "name"), make("progress"), make("span", "remaining"))));
  }
  partitions.forEach((partition, index) => {
    const [name, bar, remaining] = list.children[index].children;
    const label = `${partition.topic}/${partition.partition}`;
    put(name, label);
    attribute(bar, "aria-label", label);
    const { position, catch_up_to: goal, caught_up: done } = partition;
    if (done || (goal !== null && position !== null)) {
      bar.max = Math.max(1, goal ?? 1);
      bar.value = done ? bar.max : position;
      put(remaining, fill(words.remaining, count(done ? 0 : Math.max(0, goal - position))));
    } else {
      bar.removeAttribute("value");
      put(remaining, EMPTY);
    }
  });
}

function ageSeconds() {
  if (numbers === null || numbers.age_ms === null) return null;
  return Math.max(0, (numbers.age_ms + performance.now() - receivedAt) / 1000);
}

function updateAge() {
  const age = ageSeconds();
  const stale = age !== null && age > STALE_S;
  if (numbers === null) {
    put(byId("age"), "");
  } else if (age === null) {
    put(byId("age"), words.noRecords);
  } else {
    const zone = numbers.time_zone ?? undefined;
    const time = new Date(numbers.as_of).toLocaleTimeString(words.locale, { timeZone: zone });
    put(byId("age"), `${fill(words.age, span(age))} · ${fill(words.asOf, time)}`);
  }
  const lost = connection === "lost" ? ` ${words.staleLost}` : "";
  const text = stale ? fill(words.stale, span(age)) + lost : "";
  put(byId("stale"), text);
  show(byId("stale"), stale);
  document.body.classList.toggle("is-stale", stale);
  return stale;
}

// Faults that leave the numbers true. Their texts come from the server.
function updateDegraded() {
  const faults = (numbers ?? progress)?.degradations ?? [];
  const section = byId("degraded");
  const [title, list] = section.children;
  show(section, faults.length > 0);
  put(title, faults.length > 0 ? `${MARKS.trouble} ${words.degraded}` : "");
  while (list.children.length > faults.length) list.lastChild.remove();
  faults.forEach((fault, index) => {
    if (index === list.children.length) list.append(make("li"));
    const place = [
      fault.topic === undefined ? "" : `${fault.topic}/${fault.partition}`,
      fault.offset === undefined ? "" : fill(words.offset, fault.offset),
    ].filter(Boolean).join(", ");
    put(list.children[index], `${place && `${place}: `}${fault.cause}. → ${fault.remedy}.`);
  });
  return faults.length > 0 ? words.degraded : "";
}

function updateConnection() {
  const node = byId("connection");
  attribute(node, "data-state", connection);
  put(node.firstChild, { live: "●", connecting: "◌", lost: "✕" }[connection]);
  put(node.lastChild, words[connection]);
}

function updateSummary() {
  const summary = byId("summary");
  const [sentence, links] = summary.children;
  show(summary, numbers !== null);
  if (numbers === null) return "";
  const nodes = [...document.querySelectorAll(".card")];
  const cardsInOrder = nodes.map((node) => cards.get(node.dataset.queue));
  const troubled = cardsInOrder.filter((card) => card.node.dataset.state === "trouble");
  const calm = troubled.length === 0;
  const known = calm ? words.calm : words.attention(troubled.length);
  const text = numbers.queues.length === 0 ? words.noQueues : known;
  put(sentence, `${calm ? MARKS.fine : MARKS.trouble} ${text}`);
  summary.classList.toggle("late", !calm);
  const shape = troubled.map((card) => card.node.id).join(" ");
  if (links.dataset.shape !== shape) {
    links.dataset.shape = shape;
    links.replaceChildren(...troubled.map((card) => {
      const link = make("a", "", card.name.textContent);
      link.href = `#${card.node.id}`;
      return link;
    }));
  }
  document.title = calm ? "nabız" : `(${troubled.length}) nabız`;
  const reasons = troubled.map((card) => `${card.name.textContent}: ${card.stateText.textContent}`);
  return [text, ...reasons].join(". ");
}

// Announces to screen readers only the connection, staleness and the queues in trouble.
function announce(parts) {
  const text = parts.filter(Boolean).join(". ");
  if (text === announced) return;
  announced = text;
  put(byId("announcer"), text);
}

function update() {
  show(byId("progress"), progress !== null);
  document.body.classList.toggle("has-numbers", numbers !== null);
  put(byId("calls-title"), words.calls);
  put(byId("issues-title"), words.issues);
  show(byId("totals"), numbers !== null);
  if (progress !== null) updateProgress();
  if (numbers !== null) {
    updateCards();
    updateTotals();
  }
  updateConnection();
  const stale = updateAge();
  const degraded = updateDegraded();
  const summary = updateSummary();
  fit();
  announce([
    connection === "live" ? "" : words[connection],
    stale ? byId("stale").textContent.split(":")[0] : "",
    degraded,
    progress ? words.catchingUp : summary,
  ]);
}

// On a wall screen, chooses the largest type with which every card fits without scrolling. Runs
// only when the cards, the language or the screen change, so that the layout is stable while
// numbers change.
function fit() {
  const root = document.documentElement;
  const key = [cards.size, language, innerWidth, innerHeight].join();
  if (key === fitted || numbers === null) return;
  fitted = key;
  const wall = [1.5, 1.4, 1.3, 1.25, 1.2, 1.15, 1.1, 1.05, 1, 0.95, 0.9, 0.85];
  const sizes = innerWidth < 1100 ? [1] : wall;
  // Leaves room for lines that appear only at times.
  const fits = (size) => {
    root.style.setProperty("--fit", String(size));
    const body = document.body.scrollHeight;
    return root.scrollHeight <= root.clientHeight && body < innerHeight * 0.97;
  };
  if (!sizes.some(fits)) root.style.setProperty("--fit", "1");
}

// Data

function take(answer) {
  if (answer.ready) {
    [numbers, progress] = [answer, null];
  } else {
    [numbers, progress] = [null, answer];
  }
  receivedAt = performance.now();
  connection = "live";
  update();
}

async function fetchOnce() {
  if (fetching) return false;
  fetching = true;
  try {
    const response = await fetch("api/v1/queues", { cache: "no-store" });
    const answer = await response.json();
    if (answer.ready === undefined) throw new Error(answer.error);
    take(answer);
    return true;
  } catch {
    connection = "lost";
    update();
    return false;
  } finally {
    fetching = false;
  }
}

function follow(pause) {
  if (stream !== null) stream.close();
  const opened = new EventSource("api/v1/stream");
  stream = opened;
  opened.addEventListener("open", () => {
    pause = 1000;
  });
  const onEvent = (event) => take(JSON.parse(event.data));
  opened.addEventListener("queues", onEvent);
  opened.addEventListener("catching_up", onEvent);
  opened.addEventListener("error", () => {
    // The browser does not retry a stream that was answered with an error (limit of streams, a
    // proxy): fetch once now, and open the stream again later.
    if (opened.readyState !== EventSource.CLOSED) {
      connection = "lost";
      update();
      return;
    }
    fetchOnce();
    setTimeout(follow, pause, Math.min(30000, pause * 2));
  });
}

addEventListener("resize", fit);
speak();
follow(1000);
setInterval(async () => {
  updateAge();
  if (performance.now() - receivedAt < SILENCE_MS) return;
  const before = numbers && numbers.as_of;
  // News that only a fetch brings means that the stream has died unnoticed.
  if ((await fetchOnce()) && numbers && numbers.as_of !== before) follow(1000);
}, 1000);
