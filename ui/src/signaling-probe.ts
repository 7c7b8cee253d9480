/** Tries a server with a room of our own, which nobody else knows and which ends with the try. */
import { toHex } from "./core/bytes";
import type { SignalingFact } from "./core/doctor/facts";
import { median } from "./core/doctor/tone";
import type { Signaling } from "./core/ports";
import type { IceServer } from "./generated/IceServer";
import type { SessionEvent } from "./generated/SessionEvent";

export interface Tried {
  readonly fact: SignalingFact;
  readonly iceServers: readonly IceServer[];
}

const PATIENCE_MS = 10_000;
const ROUNDS = 5;

/** Rejects when cancelled. */
export function tryServer(signaling: Signaling, server: string, signal: AbortSignal): Promise<Tried> {
  return new Promise((done, fail) => {
    const request = {
      server,
      roomId: `check-${random()}`,
      name: null,
      identity: null,
      capacity: 1,
      token: null,
      joinId: random(),
    };
    const trips: number[] = [];
    let iceServers: readonly IceServer[] = [];
    let asked = 0;
    let over = false;
    const session = signaling.join(request, (event) => hear(event));
    const timer = setTimeout(() => {
      end();
      done(trips.length > 0 ? reached() : { fact: { is: "unreachable" }, iceServers });
    }, PATIENCE_MS);
    const cancelled = () => {
      end();
      fail(signal.reason as Error);
    };
    signal.addEventListener("abort", cancelled, { once: true });
    if (signal.aborted) cancelled();

    function hear(event: SessionEvent): void {
      if (over) return;
      if (event.type === "joined") {
        iceServers = event.joined.iceServers;
        ask();
      } else if (event.type === "settled") {
        trips.push(performance.now() - asked);
        if (trips.length < ROUNDS) ask();
        else {
          end();
          done(reached());
        }
      } else if (event.type === "ended") {
        end();
        done({ fact: { is: "refused", reason: event.reason }, iceServers });
      }
    }

    /** Says what changes nothing in a room without anybody else: the server's answer is the round trip. */
    function ask(): void {
      asked = performance.now();
      session.send({ type: "unmute", kind: "audio" });
    }

    function reached(): Tried {
      return { fact: { is: "reached", roundTripMs: median(trips) }, iceServers };
    }

    function end(): void {
      if (over) return;
      over = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", cancelled);
      session.leave();
    }
  });
}

function random(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(12)));
}
