import type { JoinRequest, Signaling, SignalingSession } from "../core/ports";
import {
  configFor,
  deadline,
  type Effect,
  type Hint,
  type Input,
  start,
  update,
} from "../core/session/session";
import type { Join } from "../generated/Join";
import type { SessionEvent } from "../generated/SessionEvent";

/** One of the points of a join; `at` is milliseconds since the Unix epoch, with fractions. */
type Trace = (joinId: string, point: number, name: string, at: number) => void;

/** Signaling for a page without the shell: the session core over the browser's own WebSocket. */
export class WebSignaling implements Signaling {
  readonly #trace: Trace;

  constructor(trace: Trace = () => {}) {
    this.#trace = trace;
  }

  join(request: JoinRequest, onEvent: (event: SessionEvent) => void): SignalingSession {
    return new WebSession(request, onEvent, this.#trace);
  }
}

/** Timers of a hidden or sleeping page fire late; a tick that comes this much too late counts as waking up. */
const NAP_MS = 5_000;
const DRIFT_MS = 2_000;

class WebSession implements SignalingSession {
  readonly #url: string;
  readonly #joinId: string;
  readonly #onEvent: (event: SessionEvent) => void;
  readonly #trace: Trace;
  readonly #listening = new AbortController();
  readonly #clock = new Clock();
  #state: ReturnType<typeof start>;
  #socket: { attempt: number; socket: WebSocket } | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Inputs that came while an update's effects were being done; they take their turn after it. */
  #inputs: Input[] | null = null;

  constructor(request: JoinRequest, onEvent: (event: SessionEvent) => void, trace: Trace) {
    this.#url = `${request.server.replace(/^http/, "ws").replace(/\/$/, "")}/ws`;
    this.#joinId = request.joinId;
    this.#onEvent = onEvent;
    this.#trace = trace;
    const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
    this.#state = start(configFor(joinOf(request), seed), this.#clock.now());
    this.#point(4, "session");
    this.#hintOn(window, "online", "online");
    this.#hintOn(window, "pageshow", "woken");
    this.#hintOn(document, "visibilitychange", "visible");
    // Not from here: the caller has no session to answer with yet.
    this.#timer = setTimeout(() => this.#put({ type: "tick" }));
  }

  send(message: Parameters<SignalingSession["send"]>[0]): void {
    this.#put({ type: "send", message });
  }

  leave(): void {
    this.#put({ type: "leave" });
  }

  #put(input: Input): void {
    if (this.#inputs) {
      this.#inputs.push(input);
      return;
    }
    this.#inputs = [input];
    try {
      for (let next = this.#inputs.shift(); next; next = this.#inputs.shift()) {
        const [state, effects] = update(this.#state, this.#clock.now(), next);
        this.#state = state;
        for (const effect of effects) this.#do(effect);
      }
    } finally {
      this.#inputs = null;
      this.#setTimer();
    }
  }

  #do(effect: Effect): void {
    switch (effect.type) {
      case "open":
        this.#open(effect.attempt);
        return;
      case "transmit":
        if (this.#socket?.socket.readyState === WebSocket.OPEN) this.#socket.socket.send(effect.text);
        return;
      case "finish":
        return; // A page hears nothing any more once it has said that it closes.
      case "close":
        if (this.#socket?.attempt === effect.attempt) {
          this.#socket.socket.close(1000);
          this.#socket = null;
        }
        return;
      case "event":
        if (effect.event.type === "joined") this.#point(9, "session");
        if (effect.event.type === "ended") this.#listening.abort();
        // A listener that throws is its own affair: the session goes on.
        try {
          this.#onEvent(effect.event);
        } catch (error) {
          reportError(error);
        }
    }
  }

  #open(attempt: number): void {
    let socket: WebSocket;
    try {
      socket = new WebSocket(this.#url);
    } catch {
      // An address that is none, or one that this page may not open.
      this.#put({ type: "failed", attempt, answered: false, retryAfter: null });
      return;
    }
    let opened = false;
    socket.onopen = () => {
      opened = true;
      this.#point(5, "client");
      this.#put({ type: "opened", attempt });
    };
    // A binary frame is not of this protocol; an empty text says so in the counts.
    socket.onmessage = ({ data }) =>
      this.#put({ type: "text", attempt, text: typeof data === "string" ? data : "" });
    socket.onclose = ({ code }) => {
      if (opened) this.#put({ type: "closed", attempt, code });
      else this.#put({ type: "failed", attempt, answered: false, retryAfter: null });
    };
    this.#socket = { attempt, socket };
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    const due = deadline(this.#state);
    if (!due) return;
    this.#timer = setTimeout(
      () => {
        if (this.#clock.now() > due.at + NAP_MS) this.#put({ type: "hint", hint: "woken" });
        else this.#put({ type: "tick" });
      },
      Math.max(0, due.at - this.#clock.now()),
    );
  }

  #hintOn(target: EventTarget, name: string, hint: Hint): void {
    const told = () => {
      if (hint !== "visible" || document.visibilityState === "visible") this.#put({ type: "hint", hint });
    };
    target.addEventListener(name, told, { signal: this.#listening.signal });
  }

  #point(point: number, name: string): void {
    this.#trace(this.#joinId, point, name, performance.timeOrigin + performance.now());
  }
}

function joinOf(request: JoinRequest): Join {
  const { roomId, joinId, name, identity, capacity, token } = request;
  return {
    roomId,
    joinId,
    ...(name === null ? {} : { name }),
    ...(identity === null ? {} : { identity }),
    ...(capacity === null ? {} : { capacity }),
    ...(token === null ? {} : { token }),
  };
}

/**
 * Whole milliseconds that never go back. Some browsers stop `performance.now` while the machine sleeps and none stops
 * the wall clock, so where that one runs ahead by more than drift, the difference was sleep. Somebody who sets it
 * forward costs a needless ping; setting it back changes nothing.
 */
class Clock {
  readonly #awake = performance.now();
  readonly #wall = Date.now();
  #slept = 0;

  now(): number {
    const awake = performance.now() - this.#awake;
    const slept = Date.now() - this.#wall - awake;
    if (slept > this.#slept + DRIFT_MS) this.#slept = slept;
    return Math.floor(awake + this.#slept);
  }
}
