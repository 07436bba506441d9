// Puts renewed parts of a page in place. Everything else works without this script.
"use strict";

(() => {
  const main = document.getElementById("content");
  const button = document.getElementById("live");
  const announcement = document.getElementById("announcement");
  let source = null;
  let paused = false;
  let announced = null;

  const parts = () => new Map([...main.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));

  // What a visitor did to a part lasts: what is opened, how far it is scrolled, and where the keyboard is.
  function keep(part) {
    const active = part.contains(document.activeElement) ? document.activeElement : null;
    const focused = active && {
      id: active.id,
      href: active.getAttribute("href"),
      parent: active.parentElement && active.parentElement.id,
      tag: active.tagName,
    };
    return {
      opened: new Map([...part.querySelectorAll("details[id]")].map((one) => [one.id, one.open])),
      scrolled: [...part.querySelectorAll("[id]")]
        .filter((one) => one.scrollLeft || one.scrollTop)
        .map((one) => [one.id, one.scrollLeft, one.scrollTop, atEnd(one)]),
      focused,
    };
  }

  function restore(part, kept) {
    for (const [id, open] of kept.opened) {
      const one = document.getElementById(id);
      if (one) one.open = open;
    }
    for (const [id, left, top, end] of kept.scrolled) {
      const one = document.getElementById(id);
      if (!one) continue;
      one.scrollLeft = left;
      one.scrollTop = end && "tail" in one.dataset ? one.scrollHeight : top;
    }
    const focused = kept.focused;
    if (!focused) return;
    let again = focused.id && document.getElementById(focused.id);
    if (!again && focused.href) again = part.querySelector(`[href="${CSS.escape(focused.href)}"]`);
    if (!again && focused.parent) {
      const parent = document.getElementById(focused.parent);
      again = parent && parent.querySelector(focused.tag);
    }
    if (again) again.focus({ preventScroll: true });
  }

  function atEnd(one) {
    return one.scrollTop + one.clientHeight >= one.scrollHeight - 4;
  }

  // Text that is being marked, and a form that is being filled in, must not vanish.
  function inUse(part) {
    const selection = document.getSelection();
    if (selection && !selection.isCollapsed && part.contains(selection.anchorNode)) return true;
    const active = document.activeElement;
    return part.contains(active) && /^(INPUT|TEXTAREA|SELECT)$/.test(active.tagName);
  }

  // What could not be put in place yet.
  const pending = new Map();

  function renew({ id, html }) {
    const part = parts().get(id);
    if (!part) return;
    pending.delete(id);
    if (inUse(part)) {
      pending.set(id, html);
      return;
    }
    const kept = keep(part);
    part.innerHTML = html;
    restore(part, kept);
    announce();
  }

  // A screen reader is told when a state changes, and nothing else.
  function announce() {
    const now = main.querySelector("[data-announce]");
    if (!now || now.value === announced) return;
    if (announced !== null) announcement.textContent = now.value;
    announced = now.value;
  }

  function say(word, title) {
    button.textContent = word;
    button.title = title;
    button.dataset.state = word.toLowerCase();
    button.setAttribute("aria-pressed", String(paused));
  }

  function open() {
    if (source || paused || document.hidden) return;
    const here = location.pathname + location.search;
    source = new EventSource(`/events?of=${encodeURIComponent(here)}`);
    source.addEventListener("open", () => say("Live", "Press to pause"));
    source.addEventListener("part", (event) => renew(JSON.parse(event.data)));
    source.addEventListener("gone", close);
    source.addEventListener("error", () => {
      const ended = source && source.readyState === EventSource.CLOSED;
      say("Lost", ended ? "The master does not answer: load the page again" : "The master does not answer; trying again");
      // A stream that was refused is not tried again by the browser.
      if (ended) {
        close();
        setTimeout(open, 5000);
      }
    });
  }

  function close() {
    if (source) source.close();
    source = null;
  }

  if (main && "live" in main.dataset && button) {
    button.hidden = false;
    say("Live", "Press to pause");
    button.addEventListener("click", () => {
      paused = !paused;
      if (paused) {
        close();
        say("Paused", "Press to go on");
      } else {
        say("Live", "Press to pause");
        open();
      }
    });
    // Nobody looks at a hidden page, and a browser has few connections.
    document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
    addEventListener("pagehide", close);
    addEventListener("pageshow", open);
    setInterval(() => [...pending].forEach(([id, html]) => renew({ id, html })), 1000);
    announce();
    open();
  }

  for (const tail of document.querySelectorAll("[data-tail]")) tail.scrollTop = tail.scrollHeight;

  // A link to a stage opens it.
  function openTarget() {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (target instanceof HTMLDetailsElement) {
      target.open = true;
      target.scrollIntoView();
    }
  }
  addEventListener("hashchange", openTarget);
  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest('a[href^="#"]');
    if (link && link.getAttribute("href") === location.hash) openTarget();
  });
  openTarget();

  for (const form of document.querySelectorAll("form[data-busy]")) {
    const submit = form.querySelector("[type=submit]");
    const word = submit.textContent;
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        form.requestSubmit();
      }
    });
    form.addEventListener("submit", () => {
      submit.textContent = form.dataset.busy;
      // Disabled only after the form is on its way.
      setTimeout(() => (submit.disabled = true));
    });
    addEventListener("pageshow", () => {
      submit.textContent = word;
      submit.disabled = false;
    });
  }
})();
