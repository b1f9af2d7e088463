// The microphone, as it is: without what browsers do to voices, which would change music.

import { Problem } from "./api.js";
import { t } from "./strings.js";

const PLAIN = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
const REFUSED = { NotAllowedError: "refused", NotFoundError: "absent" };

export const BLOCK = 0.05; // seconds, as microphone-worklet.js

// Calls `take` with each block of samples, and `lost` if the microphone is unplugged. Raises a
// `Problem` that says why there is no sound.
export async function openMicrophone(take, lost) {
  if (!navigator.mediaDevices) throw refusal("insecure"); // browsers have none for plain HTTP
  const stream = await navigator.mediaDevices.getUserMedia({ audio: PLAIN }).catch((error) => {
    throw refusal(REFUSED[error.name] ?? "unusable");
  });
  const context = new AudioContext();
  const [track] = stream.getAudioTracks();
  const close = () => {
    track.stop();
    context.close();
  };
  await context.audioWorklet.addModule(new URL("microphone-worklet.js", import.meta.url)).catch(() => {
    close();
    throw new Problem({ kind: "offline" });
  });
  const node = new AudioWorkletNode(context, "microphone", { numberOfOutputs: 0 });
  node.port.onmessage = ({ data }) => take(data);
  context.createMediaStreamSource(stream).connect(node);
  track.addEventListener("ended", lost);
  return { rate: context.sampleRate, close };
}

export function refusal(kind) {
  return new Problem({ kind, message: t(`live.${kind}`), remedy: t(`live.${kind}.remedy`) });
}
