// What a worker of the page needs for RTCRtpScriptTransform: the `rtctransform` event and the interfaces around it.
import { MARK, type TransformStart } from "../worker/transform-messages";
import { handlerAttributes } from "./handlers";
import { dictionary, expose, instance, needs, string } from "./idl";
import { EncodedAudioFrame, EncodedVideoFrame } from "./transform-frame";
import { EncodedStreams } from "./transform-streams";

let building: { port: MessagePort; options: unknown } | undefined;

export class ScriptTransformer extends EventTarget {
  #streams: EncodedStreams;
  #options: unknown;

  constructor() {
    if (!building) throw new TypeError("Illegal constructor");
    super();
    this.#options = building.options;
    this.#streams = new EncodedStreams(building.port, false);
  }

  get readable(): ReadableStream {
    return this.#streams.readable;
  }
  get writable(): WritableStream {
    return this.#streams.writable;
  }
  get options(): unknown {
    return this.#options;
  }

  async generateKeyFrame(rid?: string): Promise<number> {
    return this.#streams.generateKeyFrame(rid === undefined ? undefined : string(rid, "the rid"));
  }
  async sendKeyFrameRequest(): Promise<void> {
    return this.#streams.sendKeyFrameRequest();
  }
}

const transformInit = dictionary<{ transformer: ScriptTransformer }>({
  transformer: { type: instance(() => ScriptTransformer), required: true },
});

export class TransformEvent extends Event {
  #transformer: ScriptTransformer;

  constructor(type: string, init: EventInit & { transformer: ScriptTransformer }) {
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    needs(arguments, 2);
    const { transformer } = transformInit(init, "the event's dictionary");
    super(type, init);
    this.#transformer = transformer;
  }

  get transformer(): ScriptTransformer {
    return this.#transformer;
  }
}

/** Makes this worker one that transforms can be given to. Does nothing where it is one already, or no worker. */
export function installScope(): void {
  if (typeof DedicatedWorkerGlobalScope === "undefined" || "RTCTransformEvent" in globalThis) return;
  const interfaces = {
    RTCTransformEvent: [TransformEvent, 2],
    RTCRtpScriptTransformer: [ScriptTransformer],
    RTCEncodedVideoFrame: [EncodedVideoFrame, 1],
    RTCEncodedAudioFrame: [EncodedAudioFrame, 1],
  } as const;
  for (const [name, [type, length]] of Object.entries(interfaces)) {
    expose(type, name, length, { generateKeyFrame: 0 });
    Object.defineProperty(globalThis, name, { configurable: true, writable: true, value: type });
  }
  handlerAttributes(DedicatedWorkerGlobalScope as unknown as typeof EventTarget, ["rtctransform"]);
  addEventListener("message", (event) => {
    const start = (event as MessageEvent<TransformStart | null>).data;
    if (typeof start !== "object" || start?.mark !== MARK) return;
    // The worker's own script has nothing to do with it.
    event.stopImmediatePropagation();
    building = start;
    let transformer: ScriptTransformer;
    try {
      transformer = new ScriptTransformer();
    } finally {
      building = undefined;
    }
    dispatchEvent(new TransformEvent("rtctransform", { transformer }));
  });
}

declare const DedicatedWorkerGlobalScope: unknown;
