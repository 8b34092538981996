// JetStream: every message is stored in a file, and gone when it is acknowledged.
import { AckPolicy, connect, RetentionPolicy, StorageType } from 'nats';

const STREAM = 'bench';

export async function prepare(servers) {
  const connection = await connect({ servers });
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name: STREAM, subjects: ['events', 'idle.*'], storage: StorageType.File, retention: RetentionPolicy.Workqueue });
  await connection.close();
}

export async function sender(servers) {
  const stream = (await connect({ servers })).jetstream();
  return (message) => stream.publish('events', message);
}

export async function receiver(servers, subject, received) {
  const connection = await connect({ servers });
  const name = subject.replace('.', '-');
  const manager = await connection.jetstreamManager();
  await manager.consumers.add(STREAM, { durable_name: name, filter_subject: subject, ack_policy: AckPolicy.Explicit, max_ack_pending: 1024 });
  const consumer = await connection.jetstream().consumers.get(STREAM, name);
  await consumer.consume({
    max_messages: 1024,
    callback: (message) => {
      message.ack();
      received(Buffer.from(message.data.buffer, message.data.byteOffset, message.data.length));
    },
  });
}
