// On the thread of the sound: one channel of 16 bits in blocks of 50 ms, as the service takes it.

class Microphone extends AudioWorkletProcessor {
  #block = new Int16Array(Math.round(sampleRate / 20));
  #count = 0;

  process([channels]) {
    for (let index = 0; index < (channels[0]?.length ?? 0); index += 1) {
      const value = channels.reduce((sum, channel) => sum + channel[index], 0) / channels.length;
      this.#block[this.#count++] = Math.max(-1, Math.min(1, value)) * 32767;
      if (this.#count === this.#block.length) {
        this.port.postMessage(this.#block.slice());
        this.#count = 0;
      }
    }
    return true;
  }
}

registerProcessor("microphone", Microphone);
