// Nobody presses what they did not aim at: a pointer click on a control that has just moved or appeared is ignored, and
// so is the second click of a double click. The keyboard aims by focus, not by place: only a held key is ignored.

const QUIET = 500; // milliseconds
const MOVED = 3; // pixels
const CONTROLS = "button, summary, a[href], label.switch";

const topicOf = (control) => control.closest("[data-topic]")?.dataset.topic ?? "";
const nameOf = (control) =>
  control.id || `${control.dataset.act ?? ""}${control.dataset.revoke ?? control.dataset.remove ?? control.textContent.trim()}`;
const keyOf = (control) => `${control.tagName} ${topicOf(control)} ${nameOf(control)}`;

const isScrolled = (part) =>
  part.scrollHeight > part.clientHeight && ["auto", "scroll"].includes(getComputedStyle(part).overflowY);

export class Steady {
  // `told` is called when a click is ignored.
  constructor(main, told) {
    this.main = main;
    this.places = new Map();
    this.moved = new Map();
    this.pressed = null;
    this.byPage = new WeakMap(); // by scrolled element: where this page has scrolled it to
    this.measure(false);
    const changes = new MutationObserver(() => this.#soon(true));
    const attributeFilter = ["hidden", "class", "open", "style"];
    changes.observe(main, { childList: true, characterData: true, subtree: true, attributes: true, attributeFilter });
    addEventListener("resize", () => this.#soon(true));
    addEventListener("scroll", ({ target }) => this.#scrolled(target), { capture: true, passive: true });
    document.addEventListener("click", (event) => this.#guard(event, told), true);
    document.addEventListener("keydown", (event) => this.#holdKey(event), true);
  }

  #soon(isMove) {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => this.measure(isMove));
  }

  #scrolled(target) {
    const scrolled = target === document ? document.scrollingElement : target;
    if (Math.abs(this.byPage.get(scrolled) - scrolled.scrollTop) < 1) return;
    this.byPage.delete(scrolled);
    this.measure(Boolean(this.waiting), false);
  }

  // Notes where each control is in the window. With `isMove`, a control that is not where it was has moved by itself.
  // With `isHeld`, the page scrolls so that the pressed control does not move; it does not while the user scrolls.
  measure(isMove, isHeld = isMove) {
    if (this.waiting) {
      cancelAnimationFrame(this.waiting);
      this.waiting = 0;
    }
    if (isHeld && this.pressed) this.#hold();
    const now = performance.now();
    const places = new Map();
    for (const control of this.main.querySelectorAll(CONTROLS)) {
      const { left, top, width } = control.getBoundingClientRect();
      if (!width) continue;
      const key = keyOf(control);
      const before = this.places.get(key);
      const isElsewhere = !before || Math.abs(before.left - left) > MOVED || Math.abs(before.top - top) > MOVED;
      if (isMove && isElsewhere) this.moved.set(key, now);
      places.set(key, { left, top });
    }
    this.places = places;
    this.pressed?.chain.forEach((link) => (link.top = link.part.getBoundingClientRect().top));
    this.#mark(now);
  }

  // Shows whether everything stands still, in an attribute of the page.
  #mark(now) {
    for (const [key, since] of this.moved) if (now - since > QUIET) this.moved.delete(key);
    document.body.dataset.steady = String(!this.moved.size);
    clearTimeout(this.timer);
    if (this.moved.size) this.timer = setTimeout(() => this.#mark(performance.now()), QUIET / 5);
  }

  #guard(event, told) {
    const control = event.target.closest?.(CONTROLS);
    if (!control || !this.main.contains(control)) return;
    const isPointer = event.detail > 0 && event.pointerType !== "";
    if (isPointer) {
      if (this.waiting) this.measure(true);
      const since = this.moved.get(keyOf(control));
      const hasMoved = since !== undefined && performance.now() - since <= QUIET;
      const isSecond = event.detail > 1 && control.matches("button");
      if (hasMoved || isSecond) {
        event.preventDefault();
        event.stopImmediatePropagation();
        if (hasMoved) told();
        return;
      }
    }
    this.#press(control);
  }

  #press(control) {
    const chain = [];
    for (let part = control; part && part !== this.main; part = part.parentElement) {
      chain.push({ part, top: part.getBoundingClientRect().top });
    }
    this.pressed = { key: keyOf(control), chain };
  }

  #holdKey(event) {
    const isPress = event.key === "Enter" || event.key === " ";
    if (event.repeat && isPress && event.target.closest?.("button")) event.preventDefault();
  }

  // Changes the page so that the control that was pressed stays where it is.
  keep(change) {
    change();
    this.measure(true);
  }

  #hold() {
    const around = this.pressed.chain.map(({ part }) => part).filter((part) => part.isConnected && isScrolled(part));
    for (const part of [...around, document.scrollingElement]) {
      const left = this.#offset();
      if (Math.abs(left) < 1) return;
      part.scrollTo({ top: part.scrollTop + left, behavior: "instant" });
      this.byPage.set(part, part.scrollTop);
    }
  }

  // How far the pressed control has moved; if it is gone or hidden, how far what surrounded it has moved.
  #offset() {
    const [{ part: control, top }] = this.pressed.chain;
    const again = control.isConnected ? null : [...this.main.querySelectorAll(CONTROLS)].find((one) => keyOf(one) === this.pressed.key);
    if (again?.getBoundingClientRect().width) {
      this.#press(again);
      this.pressed.chain[0].top = top;
    }
    const link = this.pressed.chain.find(({ part }) => part.isConnected && part.getBoundingClientRect().width);
    return link ? link.part.getBoundingClientRect().top - link.top : 0;
  }
}
