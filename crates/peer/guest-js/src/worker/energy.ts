// Audio level and energy as webrtc-stats defines them (audioLevel, totalAudioEnergy, totalSamplesDuration).

export class Energy {
  #total = 0;
  #duration = 0;
  #level = 0;

  /** Takes one frame of samples in -1..1; `rate` in Hz. */
  add(samples: Float32Array, rate: number): void {
    if (samples.length === 0) return;
    let squares = 0;
    for (const sample of samples) squares += sample * sample;
    const mean = squares / samples.length;
    const duration = samples.length / rate;
    this.#total += mean * duration;
    this.#duration += duration;
    this.#level = Math.min(1, Math.sqrt(mean));
  }

  members(): { audioLevel: number; totalAudioEnergy: number; totalSamplesDuration: number } {
    return { audioLevel: this.#level, totalAudioEnergy: this.#total, totalSamplesDuration: this.#duration };
  }
}
