/**
 * In the page: a microphone that hears what a test plays to it, and an ear at what the page plays. `studio` comes first, and
 * the scripts that use it find it in `window.studio`; all of them are sent to the page as text, and see nothing else here.
 */

export interface Studio {
  context: AudioContext;
  /** What is connected to this is what the microphone hears. */
  microphone: MediaStreamAudioDestinationNode;
  /** Connects the sound of whatever an element plays from now on to `way`. */
  listen(way: AudioNode): void;
  /** How loud the microphone hears the speaker (`sitInARoom`). */
  room?: GainNode;
}

declare global {
  interface Window {
    studio: Studio;
  }
}

export function studio(): void {
  const context = new AudioContext();
  const microphone = context.createMediaStreamDestination();
  const { mediaDevices } = navigator;
  const ask = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = async (wish) => {
    const stream = await ask(wish);
    // A page that has a microphone may make sounds.
    void context.resume();
    for (const track of stream.getAudioTracks()) {
      stream.removeTrack(track);
      for (const heard of microphone.stream.clone().getAudioTracks()) stream.addTrack(heard);
    }
    return stream;
  };
  const listen = (way: AudioNode): void => {
    const play = HTMLMediaElement.prototype.play;
    HTMLMediaElement.prototype.play = function (this: HTMLMediaElement) {
      const { srcObject } = this;
      if (srcObject instanceof MediaStream && srcObject.getAudioTracks().length > 0) {
        void context.resume();
        context.createMediaStreamSource(srcObject).connect(way);
      }
      return play.call(this);
    };
  };
  window.studio = { context, microphone, listen };
}

/** In the page: the microphone hears somebody who talks in syllables, in phrases, with pauses. */
export function talk(): void {
  const { context, microphone } = window.studio;
  const seconds = 40;
  const sound = context.createBuffer(1, seconds * context.sampleRate, context.sampleRate);
  const samples = sound.getChannelData(0);
  let state = 7;
  const between = (least: number, most: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return least + (state / 2 ** 32) * (most - least);
  };
  for (let at = 0; at < samples.length; at += between(0.2, 0.8) * context.sampleRate) {
    for (const end = at + between(1, 3.5) * context.sampleRate; at < end; ) {
      const length = Math.round(between(0.11, 0.3) * context.sampleRate);
      const [loud, hertz] = [0.35 * 10 ** (between(-14, 0) / 20), between(100, 160)];
      for (let i = 0; i < length; i += 1) {
        const buzz = ((i * hertz) / context.sampleRate) % 1;
        samples[Math.round(at) + i] = loud * Math.sin((Math.PI * i) / length) ** 2 * (2 * buzz - 1);
      }
      at += length + (between(0, 1) < 0.25 ? between(0.03, 0.12) * context.sampleRate : 0);
    }
  }
  const mouth = context.createBufferSource();
  mouth.buffer = sound;
  mouth.loop = true;
  mouth.connect(microphone);
  mouth.start();
}

/** In the page: the microphone hisses, and hears what the page plays as loud as `room` says, late and dull. */
export function sitInARoom(): void {
  const { context, microphone, listen } = window.studio;
  const room = context.createGain();
  room.gain.value = 0;
  const way = context.createDelay(1);
  way.delayTime.value = 0.18;
  const walls = context.createBiquadFilter();
  walls.frequency.value = 1_500;
  way.connect(walls).connect(room).connect(microphone);
  const noise = context.createBuffer(1, context.sampleRate, context.sampleRate);
  noise.getChannelData(0).forEach((_, i, samples) => {
    samples[i] = (Math.random() - 0.5) * 0.001;
  });
  const hiss = context.createBufferSource();
  hiss.buffer = noise;
  hiss.loop = true;
  hiss.connect(microphone);
  hiss.start();
  window.studio.room = room;
  listen(way);
}

/** In a page that sits in a room: how loud its microphone hears what it plays. */
export function turnUp(gain: number): void {
  const { room } = window.studio;
  if (room === undefined) throw new Error("this page sits in no room");
  room.gain.value = gain;
}
