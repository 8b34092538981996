// The same events as the bench's own: JSON of a given size with a number of eight digits, found without parsing.
const START = '{"n":"00000000","action":"opened","pad":"';
const MARK = Buffer.from('"n":"');
const made = new Map();

export function body(bytes, number) {
  let template = made.get(bytes);
  if (!template) {
    template = Buffer.from(`${START}${'x'.repeat(Math.max(0, bytes - START.length - 2))}"}`);
    made.set(bytes, template);
  }
  const copy = Buffer.from(template);
  copy.write(String(number).padStart(8, '0'), MARK.length + 1, 'latin1');
  return copy;
}

export function numberOf(message) {
  const at = message.indexOf(MARK) + MARK.length;
  return Number(message.toString('latin1', at, at + 8));
}
