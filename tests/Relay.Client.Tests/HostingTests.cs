using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Relay.Protocol;

namespace Relay.Client.Tests;

public sealed class HostingTests : ClientTest
{
    [Fact]
    public async Task Host_runs_a_handler_in_its_own_scope_for_every_delivery()
    {
        var scopes = new Recorded<Scope>();
        using var host = Build(services => services.AddSingleton(scopes).AddScoped<Scope>().AddRelayClient<ScopedHandler>(Configure));
        await host.StartAsync().Soon();
        var connection = await Relay.AuthenticateAsync();

        string[] ids = [await connection.DeliverAsync(), await connection.DeliverAsync()];

        var (first, second) = (await scopes.NextAsync(), await scopes.NextAsync());
        Assert.Equal((ids[0], ids[1]), (first.EventId, second.EventId));
        Assert.NotSame(first, second);
        await first.Disposed.Soon();

        await host.StopAsync().Soon();
        Assert.Equal(ids, (await connection.ReadToEndAsync()).Cast<AckMessage>().SelectMany(ack => ack.Ids ?? [ack.Id!]));
    }

    [Fact]
    public async Task Host_runs_a_delegate()
    {
        var handled = new Recorded<string>();
        using var host = Build(services => services.AddRelayClient(Configure, (provider, delivery, _) =>
        {
            provider.GetRequiredService<Recorded<string>>().Add(delivery.Id);
            return Task.CompletedTask;
        }).AddSingleton(handled));
        await host.StartAsync().Soon();

        var id = await (await Relay.AuthenticateAsync()).DeliverAsync();

        Assert.Equal(id, await handled.NextAsync());
        await host.StopAsync().Soon();
    }

    [Fact]
    public async Task Host_answers_senders_with_what_the_handler_returns()
    {
        using var host = Build(services => services.AddRelayClient<ReplyingHandler>(Configure));
        await host.StartAsync().Soon();
        var connection = await Relay.AuthenticateAsync();

        var id = await connection.DeliverAsync("1"u8.ToArray(), replyWithin: TimeSpan.FromSeconds(9));
        Assert.Equal((id, 202), await ReadReplyAsync(connection));
        id = await connection.DeliverAsync("2"u8.ToArray(), replyWithin: TimeSpan.FromSeconds(9));
        Assert.Equal(id, (await connection.ReadAsync<AckMessage>()).Id);
        await host.StopAsync().Soon();
    }

    [Fact]
    public async Task Host_answers_senders_with_what_the_delegate_returns()
    {
        using var host = Build(services => services.AddRelayClient(Configure, async (_, _, _) =>
        {
            await Task.Yield();
            return new RelayReply { Status = 403 };
        }));
        await host.StartAsync().Soon();
        var connection = await Relay.AuthenticateAsync();

        var id = await connection.DeliverAsync(replyWithin: TimeSpan.FromSeconds(9));

        Assert.Equal((id, 403), await ReadReplyAsync(connection));
        await host.StopAsync().Soon();
    }

    [Fact]
    public async Task Events_of_the_client_can_be_subscribed_to()
    {
        using var host = Build(services => services.AddSingleton(new Recorded<Scope>()).AddScoped<Scope>().AddRelayClient<ScopedHandler>(Configure));
        var client = host.Services.GetRequiredService<RelayClient>();
        Assert.Same(client, host.Services.GetRequiredKeyedService<RelayClient>(typeof(ScopedHandler)));
        var connected = Record<RelayConnected>(add => client.Connected += add);

        await host.StartAsync().Soon();
        await Relay.AuthenticateAsync();

        await connected.NextAsync();
        await host.StopAsync().Soon();
        Assert.Equal(RelayClientState.Closed, client.State);
    }

    [Fact]
    public async Task Refused_key_stops_the_host_and_says_why()
    {
        ExpectedErrors = 1;
        using var host = Build(services => services.AddRelayClient(Configure, (_, _, _) => Task.CompletedTask));

        var running = host.RunAsync();
        await RefuseAsync();
        await running.Soon();

        var line = Assert.Single(Logger.Lines, line => line.Level == LogLevel.Critical);
        Assert.Contains("refused the api key", line.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refused_key_stops_the_host_even_if_that_cannot_be_logged()
    {
        var log = new RecordingLogger { ThrowsFrom = LogLevel.Critical };
        using var host = Build(services => services.AddRelayClient(Configure, (_, _, _) => Task.CompletedTask).AddLogging(logging => logging.AddProvider(log)));

        var running = host.RunAsync();
        ExpectedErrors = 1;
        await RefuseAsync();
        await running.Soon();

        Assert.Single(log.Lines, line => line.Level == LogLevel.Critical);
    }

    [Fact]
    public async Task Wrong_options_stop_the_host_at_its_start()
    {
        using var host = Build(services => services.AddRelayClient(_ => { }, (_, _, _) => Task.CompletedTask));

        var fault = await Assert.ThrowsAsync<ArgumentException>(() => host.StartAsync().Soon());

        Assert.Contains("ApiKey is missing", fault.Message, StringComparison.Ordinal);
        ExpectedErrors = Logger.Lines.Count(line => line.Level >= LogLevel.Error);
    }

    [Fact]
    public void Handler_type_is_added_once()
    {
        var services = new ServiceCollection().AddRelayClient<ScopedHandler>(Configure);

        Assert.Throws<InvalidOperationException>(() => services.AddRelayClient<ScopedHandler>(Configure));
    }

    private async Task RefuseAsync()
    {
        var connection = await Relay.AcceptAsync();
        await connection.SendAsync(new AuthErrorMessage { Error = ErrorCodes.InvalidApiKey, Message = "Wrong." });
    }

    private IHost Build(Action<IServiceCollection> configure)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.AddProvider(Logger);
        builder.Services.AddSingleton<TimeProvider>(Clock);
        configure(builder.Services);
        return builder.Build();
    }

    private static async Task<(string? Id, int? Status)> ReadReplyAsync(FakeConnection connection)
    {
        var reply = await connection.ReadAsync<ReplyMessage>();
        return (reply.Id, reply.Status);
    }

    private void Configure(RelayClientOptions options) => (options.Url, options.ApiKey) = (Relay.Url, Relay.Key.Reveal());

    private sealed class Scope : IDisposable
    {
        private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string? EventId { get; set; }

        public Task Disposed => _disposed.Task;

        public void Dispose() => _disposed.TrySetResult();
    }

    private sealed class ReplyingHandler : IRelayReplyHandler
    {
        public Task<RelayReply?> ReplyAsync(RelayDelivery delivery, CancellationToken cancellationToken) =>
            Task.FromResult(delivery.Text == "1" ? new RelayReply { Status = 202 } : null);
    }

    private sealed class ScopedHandler(Scope scope, Recorded<Scope> scopes) : IRelayHandler
    {
        public Task HandleAsync(RelayDelivery delivery, CancellationToken cancellationToken)
        {
            scope.EventId = delivery.Id;
            scopes.Add(scope);
            return Task.CompletedTask;
        }
    }
}
