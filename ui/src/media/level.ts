/** How loud a microphone is, 0 to 1 as `audioLevel` of getStats counts it. Silent tracks cost nothing. */
export class LevelMeter {
  private context: AudioContext | null = null;
  private source: {
    track: MediaStreamTrack;
    node: MediaStreamAudioSourceNode;
    analyser: AnalyserNode;
  } | null = null;
  private readonly samples = new Float32Array(1024);

  /** Null stops it, and lets the sound system sleep. */
  watch(track: MediaStreamTrack | null): void {
    if (this.source?.track === track) return;
    this.source?.node.disconnect();
    this.source = null;
    if (track === null) {
      void this.context?.suspend();
      return;
    }
    this.context ??= this.begin();
    const node = this.context.createMediaStreamSource(new MediaStream([track]));
    const analyser = this.context.createAnalyser();
    analyser.fftSize = this.samples.length;
    node.connect(analyser);
    this.source = { track, node, analyser };
    void this.context.resume();
  }

  /** Rounded, so that a still room is a still value and nothing is drawn for it. */
  read(): number | null {
    if (this.source === null || !this.source.track.enabled) return null;
    return Math.round((this.loudness() ?? 0) * 100) / 100;
  }

  /** Null while nothing is measured, too. */
  loudness(): number | null {
    if (this.source === null || !this.source.track.enabled || this.context?.state !== "running") return null;
    this.source.analyser.getFloatTimeDomainData(this.samples);
    let sum = 0;
    for (const sample of this.samples) sum += sample * sample;
    return Math.min(1, Math.sqrt(sum / this.samples.length));
  }

  private begin(): AudioContext {
    const context = new AudioContext();
    // A page that nobody has touched yet may not run one.
    const wake = () => {
      if (this.source !== null && context.state === "suspended") void context.resume();
    };
    for (const gesture of ["pointerdown", "keydown"]) document.addEventListener(gesture, wake);
    return context;
  }
}
