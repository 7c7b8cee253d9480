/** Stand-ins for cameras: somebody in a warm room, drawn, one for each stream. */
import type { StreamHandle } from "../../core/ports";

const rooms = ["#4a3a2c", "#39424a", "#4a3636", "#37453a", "#443a4c", "#4a4530"] as const;
const skins = ["#e8b48f", "#c98d62", "#8d5a3b", "#f1c9a8", "#a86f47", "#deb08a"] as const;
const shirts = ["#c0563a", "#3f6f8f", "#77894a", "#d9a441", "#7a5a8c", "#b8b0a2"] as const;

export function paint(element: HTMLMediaElement, stream: StreamHandle): () => void {
  if (!(element instanceof HTMLVideoElement)) return () => {};
  const canvas = document.createElement("canvas");
  const tall = stream.streamId.startsWith("tall");
  canvas.width = tall ? 480 : 640;
  canvas.height = tall ? 640 : 480;
  draw(canvas, seedOf(stream.streamId));
  const media = canvas.captureStream(5);
  element.srcObject = media;
  // A canvas that never changes sends no frame after the first.
  const timer = setInterval(() => draw(canvas, seedOf(stream.streamId)), 200);
  return () => {
    clearInterval(timer);
    element.srcObject = null;
    for (const track of media.getTracks()) track.stop();
  };
}

function seedOf(text: string): number {
  return [...text].reduce((sum, char) => (sum * 33 + char.charCodeAt(0)) % 9973, 5);
}

function draw(canvas: HTMLCanvasElement, seed: number): void {
  const pen = canvas.getContext("2d");
  if (pen === null) return;
  const { width, height } = canvas;
  const middle = width / 2;
  const light = pen.createRadialGradient(width * 0.8, height * 0.2, 10, width * 0.8, height * 0.2, width);
  light.addColorStop(0, "#f2c27a");
  light.addColorStop(0.5, rooms[seed % rooms.length] ?? rooms[0]);
  light.addColorStop(1, "#1d1712");
  pen.fillStyle = light;
  pen.fillRect(0, 0, width, height);
  pen.fillStyle = shirts[seed % shirts.length] ?? shirts[0];
  pen.beginPath();
  pen.ellipse(middle, height * 1.05, width * 0.3, height * 0.36, 0, 0, Math.PI * 2);
  pen.fill();
  pen.fillStyle = skins[(seed >> 2) % skins.length] ?? skins[0];
  pen.fillRect(middle - width * 0.05, height * 0.56, width * 0.1, height * 0.2);
  pen.beginPath();
  pen.ellipse(middle, height * 0.44, width * 0.12, height * 0.2, 0, 0, Math.PI * 2);
  pen.fill();
  pen.fillStyle = "#2a1c12";
  pen.beginPath();
  pen.ellipse(middle, height * 0.33, width * 0.13, height * 0.13, 0, Math.PI, Math.PI * 2);
  pen.fill();
}
