using System.Globalization;
using Relay.Bench.Measuring;

namespace Relay.Bench.Peers;

/// <summary>NATS with a stream in files.</summary>
internal sealed class Nats() : Broker(
    "nats", "nats-server", "nats-server",
    "JetStream, file storage, explicit acks: confirmed when written to the file, which is fsynced every 2 minutes (sync_interval), so a machine that dies loses those; sender and receiver are one Node process")
{
    protected override string Scheme => "nats";

    protected override async Task StartServerAsync(TemporaryFolder folder) => Own(await Child.StartAsync(
        "nats-server", ServerProgram,
        ["-a", "127.0.0.1", "-p", Port.ToString(CultureInfo.InvariantCulture), "-js", "-sd", folder["data"], "-l", folder["log"]], [], readyLine: null));
}

/// <summary>RabbitMQ with a durable queue.</summary>
internal sealed class RabbitMq() : Broker(
    "rabbitmq", "rabbitmq-server", "rabbitmq-server",
    "durable classic queue, persistent messages, publisher confirms, manual acks: confirmed when fsynced, in groups, or when the receiver has acknowledged it before that; sender and receiver are one Node process")
{
    protected override string Scheme => "amqp";

    // Debian's one in the path insists on a user of its own. Without Erlang's name server it is not whole.
    protected override string? Find(string program) =>
        Installed.Find("epmd") is null ? null : File.Exists($"/usr/lib/rabbitmq/bin/{program}") ? $"/usr/lib/rabbitmq/bin/{program}" : base.Find(program);

    protected override async Task StartServerAsync(TemporaryFolder folder)
    {
        string[] ports = [.. Enumerable.Range(0, 2).Select(static _ => LocalRedis.FreePort().ToString(CultureInfo.InvariantCulture))];
        await File.WriteAllTextAsync(folder["rabbitmq.conf"], string.Create(CultureInfo.InvariantCulture, $"listeners.tcp.1 = 127.0.0.1:{Port}\n"));
        await File.WriteAllTextAsync(folder["enabled_plugins"], "[].\n");

        // Erlang's own name server, which would else stay behind.
        var names = await Child.StartAsync("epmd", Installed.Find("epmd")!, ["-port", ports[0], "-address", "127.0.0.1"], [], readyLine: null);
        var server = await Child.StartAsync(
            "rabbitmq", ServerProgram, [],
            [
                ("RABBITMQ_NODENAME", "bench@localhost"), ("ERL_EPMD_PORT", ports[0]), ("RABBITMQ_DIST_PORT", ports[1]), ("HOME", folder.Path),
                ("RABBITMQ_CONFIG_FILE", folder["rabbitmq.conf"]), ("RABBITMQ_CONF_ENV_FILE", "/dev/null"), ("RABBITMQ_ENABLED_PLUGINS_FILE", folder["enabled_plugins"]),
                ("RABBITMQ_MNESIA_BASE", folder["data"]), ("RABBITMQ_LOG_BASE", folder["log"]), ("RABBITMQ_PID_FILE", folder["pid"]),

                // Without a shell in between, so that its process is the one that was started.
                ("RABBITMQ_ALLOW_INPUT", "1"), ("RABBITMQ_SERVER_START_ARGS", "-noinput"),
            ],
            readyLine: null);
        Own(server);
        Own((IAsyncDisposable)names);
    }
}

/// <summary>mosquitto with persistence.</summary>
internal sealed class Mosquitto() : Broker(
    "mosquitto", "mosquitto", "mosquitto",
    "MQTT QoS 1, persistence on: confirmed when in memory, written to disk every 30 minutes and at the end (autosave_interval), so a process that dies loses those; sender and receiver are one Node process")
{
    protected override string Scheme => "mqtt";

    protected override async Task StartServerAsync(TemporaryFolder folder)
    {
        await File.WriteAllTextAsync(folder["conf"], string.Create(CultureInfo.InvariantCulture, $"""
            listener {Port} 127.0.0.1
            allow_anonymous true
            persistence true
            persistence_location {folder.Path}/
            set_tcp_nodelay true
            max_inflight_messages 1024
            max_queued_messages 0
            log_dest none
            user {Environment.UserName}

            """));
        Own(await Child.StartAsync("mosquitto", ServerProgram, ["-c", folder["conf"]], [], readyLine: null));
    }
}
