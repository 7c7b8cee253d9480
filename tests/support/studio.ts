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
