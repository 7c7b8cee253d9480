import type { EndReason } from "../../generated/EndReason";
import type { ErrorCode } from "../../generated/ErrorCode";
import type { Outcome } from "../../generated/Outcome";
import type { ServerMessage } from "../../generated/ServerMessage";
import { type Frame, readFrame } from "./frame";
import { answered, beat, type Heartbeat, ponged } from "./heartbeat";
import { end, fall, flush } from "./moves";
import { reseat, resumeOutbox, settle } from "./outbox";
import { count, emit, enter, type Phase, type Step } from "./state";

/** What a frame of the current socket does. */
export function read(step: Step, text: string): void {
  const frame = readFrame(text);
  if (frame.is !== "known") count(step, frame.is);
  switch (step.state.phase.at) {
    case "joining":
    case "knocking":
      readJoining(step, frame);
      return;
    case "seated":
      readSeated(step, frame);
      return;
    case "leaving":
      readLeaving(step, frame);
      return;
    // No socket, or one that is not open yet: no frame can come from it.
    case "waiting":
    case "connecting":
    case "ended":
      count(step, "stray");
      return;
  }
}

function readJoining(step: Step, frame: Frame): void {
  if (frame.is === "unknown") return;
  // The answer to the join, most likely, and nothing to go on from.
  if (frame.is === "malformed") {
    fall(step, "refused", null);
    return;
  }
  const { message } = frame;
  switch (message.type) {
    case "joined":
      joined(step, message);
      return;
    case "resumed":
      resumed(step, message);
      return;
    case "waiting":
      waiting(step, message);
      return;
    case "pong": {
      const { phase } = step.state;
      if (phase.at === "knocking") proves(step, phase, ponged(phase.heartbeat, step.now));
      else count(step, "stray");
      return;
    }
    case "full":
      end(step, "full");
      return;
    case "locked":
      end(step, "locked");
      return;
    case "denied":
      end(step, "denied");
      return;
    case "kicked":
      end(step, "kicked");
      return;
    case "ended":
      end(step, "ended");
      return;
    case "left":
      end(step, "left");
      return;
    case "error": {
      const reason = refusal(message.code);
      if (reason === null) fall(step, "refused", message.retryAfterMs ?? null);
      else end(step, reason);
      return;
    }
    case "peer-joined":
    case "peer-left":
    case "peer-away":
    case "peer-back":
    case "ready":
    case "offer":
    case "answer":
    case "candidate":
    case "message":
    case "mute":
    case "unmute":
    case "publish":
    case "unpublish":
    case "subscribe":
    case "unsubscribe":
    case "role":
    case "lock":
    case "unlock":
    case "knock":
    case "knock-gone":
    case "ack":
      count(step, "stray");
      return;
  }
}

/** Somebody else decides now, and that may take long: the socket is kept alive until then. */
function waiting(step: Step, message: Extract<ServerMessage, { type: "waiting" }>): void {
  const { phase } = step.state;
  if (phase.at !== "joining") return;
  enter(step, {
    at: "knocking",
    attempt: phase.attempt,
    claim: phase.claim,
    heartbeat: beat(step.now, message.heartbeatMs),
  });
  emit(step, { type: "waiting", peerId: message.peerId });
}

function joined(step: Step, message: Extract<ServerMessage, { type: "joined" }>): void {
  const { phase } = step.state;
  if (phase.at !== "joining" && phase.at !== "knocking") return;
  const { type: _, ...joined } = message;
  enter(step, {
    at: "seated",
    attempt: phase.attempt,
    claim: { token: joined.resumeToken, seq: joined.seq, heartbeatMs: joined.heartbeatMs },
    arrived: joined.seq,
    heartbeat: beat(step.now, joined.heartbeatMs),
  });
  emit(step, { type: "joined", joined });
  const [outbox, over] = reseat(step.state.outbox, phase.claim !== null);
  step.state = { ...step.state, outbox };
  for (const { id, outcome } of over) emit(step, { type: "settled", id, outcome });
  flush(step);
}

function resumed(step: Step, message: Extract<ServerMessage, { type: "resumed" }>): void {
  const { phase } = step.state;
  // Nothing was claimed.
  if (phase.at !== "joining" || phase.claim === null) {
    count(step, "stray");
    return;
  }
  enter(step, {
    at: "seated",
    attempt: phase.attempt,
    claim: { ...phase.claim, token: message.resumeToken },
    // The replay starts one above our own count; a server that goes back further says so.
    arrived: Math.min(message.seq, phase.claim.seq),
    heartbeat: beat(step.now, phase.claim.heartbeatMs),
  });
  emit(step, { type: "resumed", replayed: message.replayed });
  step.state = { ...step.state, outbox: resumeOutbox(step.state.outbox) };
  flush(step);
}

function readSeated(step: Step, frame: Frame): void {
  // The server counted them, so we do, or the next resume would ask from the wrong place.
  if (frame.is === "unknown" || (frame.is === "malformed" && frame.sequenced)) {
    isNew(step);
    return;
  }
  if (frame.is === "malformed") return;
  const { message } = frame;
  switch (message.type) {
    case "pong": {
      const { phase } = step.state;
      if (phase.at === "seated") proves(step, phase, ponged(phase.heartbeat, step.now));
      return;
    }
    case "ack":
    case "error":
      settles(step, message);
      return;
    case "resumed":
      count(step, "stray");
      return;
    case "joined":
    case "waiting":
      count(step, "stray");
      isNew(step);
      return;
    case "full":
      end(step, "full");
      return;
    case "locked":
      end(step, "locked");
      return;
    case "denied":
      end(step, "denied");
      return;
    case "kicked":
      end(step, "kicked");
      return;
    case "left":
      end(step, "left");
      return;
    case "ended":
      end(step, "ended");
      return;
    case "peer-joined":
    case "peer-left":
    case "peer-away":
    case "peer-back":
    case "ready":
    case "offer":
    case "answer":
    case "candidate":
    case "message":
    case "mute":
    case "unmute":
    case "publish":
    case "unpublish":
    case "subscribe":
    case "unsubscribe":
    case "role":
    case "lock":
    case "unlock":
    case "knock":
    case "knock-gone":
      if (isNew(step)) emit(step, { type: "message", message });
      return;
  }
}

/** Only the fates that are still open, and the farewell. */
function readLeaving(step: Step, frame: Frame): void {
  if (frame.is !== "known") return;
  const { message } = frame;
  switch (message.type) {
    case "ack":
    case "error":
      settles(step, message);
      return;
    case "left":
    case "full":
    case "locked":
    case "denied":
    case "kicked":
    case "ended":
      end(step, "left");
      return;
    case "joined":
    case "resumed":
    case "peer-joined":
    case "peer-left":
    case "peer-away":
    case "peer-back":
    case "ready":
    case "offer":
    case "answer":
    case "candidate":
    case "message":
    case "mute":
    case "unmute":
    case "publish":
    case "unpublish":
    case "subscribe":
    case "unsubscribe":
    case "role":
    case "lock":
    case "unlock":
    case "knock":
    case "knock-gone":
    case "waiting":
    case "pong":
      return;
  }
}

function settles(step: Step, message: Extract<ServerMessage, { type: "ack" | "error" }>): void {
  const outcome: Outcome =
    message.type === "ack"
      ? { type: "delivered", delivered: message.delivered, queued: message.queued }
      : { type: "failed", code: message.code, message: message.message };
  if (message.id === undefined) {
    count(step, "stray");
    return;
  }
  const [outbox, id] = settle(step.state.outbox, message.id);
  step.state = { ...step.state, outbox };
  const { phase } = step.state;
  if (id !== undefined && phase.at === "seated") proves(step, phase, answered(phase.heartbeat, step.now));
  if (id === undefined) count(step, "stray");
  // Null: our own re-announcement, whose fate nobody waits for.
  else if (id !== null) emit(step, { type: "settled", id, outcome });
}

/** The server answered: it is not too slow for us. */
function proves(step: Step, phase: Extract<Phase, { heartbeat: Heartbeat }>, heartbeat: Heartbeat): void {
  enter(step, { ...phase, heartbeat });
  step.state = { ...step.state, silences: 0 };
}

/** Counts a sequenced message; false when an earlier socket brought it already. */
function isNew(step: Step): boolean {
  const { phase } = step.state;
  if (phase.at !== "seated") return false;
  const arrived = phase.arrived + 1;
  const fresh = arrived > phase.claim.seq;
  enter(step, { ...phase, arrived, claim: fresh ? { ...phase.claim, seq: arrived } : phase.claim });
  if (!fresh) count(step, "duplicate");
  return fresh;
}

/** What an error on the join itself means: null when trying again later may help. */
function refusal(code: ErrorCode): EndReason | null {
  switch (code) {
    case "room-full":
      return "full";
    case "room-locked":
      return "locked";
    case "token-expired":
      return "token-expired";
    case "unauthorized":
    case "forbidden":
    case "token-not-yet-valid":
    case "token-wrong-room":
    case "token-bad-algorithm":
    case "token-bad-signature":
    case "token-unknown-key":
    case "token-too-large":
    case "token-identity":
      return "unauthorized";
    case "version":
      return "version";
    case "bad-message":
    case "bad-json":
    case "too-large":
      return "bad-join";
    case "rate-limited":
    case "unavailable":
    case "internal":
    case "not-joined":
    case "no-such-peer":
      return null;
  }
}
