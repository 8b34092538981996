// QoS 1 to a session that is kept.
import mqtt from 'mqtt';

export async function prepare() {}

export async function sender(url) {
  const client = await mqtt.connectAsync(url);
  return (message) => client.publishAsync('events', message, { qos: 1 });
}

export async function receiver(url, topic, received) {
  const client = await mqtt.connectAsync(url, { clientId: topic, clean: false });

  // What is called here writes the PUBACK.
  client.handleMessage = (packet, acknowledge) => {
    acknowledge();
    received(packet.payload);
  };
  await client.subscribeAsync(topic, { qos: 1 });
}
