// The samples of a file, for pictures of it. Decoded no finer than those need: an hour stays below
// 120 MB for each channel.

export const RATE = 8000;
const LARGEST = 300e6; // bytes of a file that is decoded for its looks alone
const PER_SECOND = 100; // loudest samples that are kept
const AT_ONCE = 4e6; // samples that are worked on before the page goes on

const known = new WeakMap(); // promises of the peaks of files

// An AudioBuffer; null if the browser cannot decode it.
export async function decoded(file) {
  if (file.size > LARGEST) return null;
  try {
    return await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await file.arrayBuffer());
  } catch {
    return null; // the service reads more formats than browsers do
  }
}

// The loudest sample of each hundredth of a second, in [0, 1]; null if it cannot be decoded.
export function peaks(file) {
  if (!known.has(file)) known.set(file, decoded(file).then((sound) => sound && loudest(sound)));
  return known.get(file);
}

// One channel.
export async function mixed(sound) {
  const sum = new Float32Array(sound.length);
  await eachSlice(sound, (samples, from, to) => {
    for (let at = from; at < to; at += 1) sum[at] += samples[at] / sound.numberOfChannels;
  });
  return sum;
}

async function loudest(sound) {
  const found = new Float32Array(Math.ceil((sound.length * PER_SECOND) / RATE));
  await eachSlice(sound, (samples, from, to) => {
    for (let at = from; at < to; at += 1) {
      const part = Math.floor((at * PER_SECOND) / RATE);
      const size = Math.abs(samples[at]);
      if (size > found[part]) found[part] = size;
    }
  });
  const top = found.reduce((most, size) => Math.max(most, size), 0);
  return top > 0 ? found.map((size) => size / top) : found;
}

// Works through all channels without holding up the page.
async function eachSlice(sound, work) {
  for (let channel = 0; channel < sound.numberOfChannels; channel += 1) {
    const samples = sound.getChannelData(channel);
    for (let from = 0; from < samples.length; from += AT_ONCE) {
      work(samples, from, Math.min(samples.length, from + AT_ONCE));
      await new Promise((done) => setTimeout(done));
    }
  }
}
