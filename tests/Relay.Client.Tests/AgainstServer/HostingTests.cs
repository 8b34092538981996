using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Relay.Client.Tests.AgainstServer;

public sealed class HostingTests
{
    [Theory, OnEachStore]
    public async Task A_host_handles_each_event_in_a_scope_of_its_own(string store)
    {
        await using var relay = await RealRelay.StartAsync(store);
        var scopes = new Recorded<Scope>();
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddSingleton(scopes).AddScoped<Scope>().AddRelayClient<Handler>(relay.Configure);
        using var host = builder.Build();
        await host.StartAsync().Soon();

        string[] ids = [await relay.PostAsync(), await relay.PostAsync()];

        var (first, second) = (await scopes.NextAsync(), await scopes.NextAsync());
        Assert.Equal((ids[0], ids[1]), (first.EventId, second.EventId));
        Assert.NotSame(first, second);
        await relay.WhenDeliveredAsync(ids);
        await host.StopAsync().Soon();
        Assert.True(first.IsDisposed && second.IsDisposed);
    }

    private sealed class Scope : IDisposable
    {
        public string? EventId { get; set; }

        public bool IsDisposed { get; private set; }

        public void Dispose() => IsDisposed = true;
    }

    private sealed class Handler(Scope scope, Recorded<Scope> scopes) : IRelayHandler
    {
        public Task HandleAsync(RelayDelivery delivery, CancellationToken cancellationToken)
        {
            scope.EventId = delivery.Id;
            scopes.Add(scope);
            return Task.CompletedTask;
        }
    }
}
