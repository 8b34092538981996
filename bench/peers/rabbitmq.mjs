// A durable queue, persistent messages, publisher confirms, manual acknowledgements.
import { connect } from 'amqplib';

export async function prepare(url) {
  const connection = await connect(url);
  await (await connection.createChannel()).assertQueue('events', { durable: true });
  await connection.close();
}

export async function sender(url) {
  const channel = await (await connect(url)).createConfirmChannel();
  return (message) => new Promise((done, fail) =>
    channel.sendToQueue('events', message, { persistent: true }, (error) => error ? fail(error) : done()));
}

export async function receiver(url, queue, received) {
  const channel = await (await connect(url)).createChannel();
  await channel.assertQueue(queue, { durable: true });
  await channel.prefetch(1024);
  await channel.consume(queue, (message) => {
    channel.ack(message);
    received(message.content);
  });
}
