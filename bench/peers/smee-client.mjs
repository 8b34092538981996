// smee.io's own client: listens on the channel and posts every event to a local address.
import { SmeeClient } from 'smee-client';

const [source, target] = process.argv.slice(2);
const nothing = () => {};
await new SmeeClient({ source, target, logger: { info: nothing, error: console.error } }).start();
console.log('peer is ready');
