using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Relay.Client;

/// <summary>Runs a client for as long as its host; a client that ends for good stops the host.</summary>
internal sealed class RelayHandlerService(
    RelayClient client,
    Func<IServiceProvider, RelayDelivery, CancellationToken, Task<RelayReply?>> handler,
    IServiceScopeFactory scopes,
    IHostApplicationLifetime lifetime,
    ILogger<RelayClient> log) : BackgroundService
{
    private readonly QuietLogger _log = new(log);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await client.RunAsync(HandleInScopeAsync, stoppingToken).ConfigureAwait(false);
        }
        catch (RelayException exception)
        {
            _log.HostStops(exception.Message);
            lifetime.StopApplication();
        }
    }

    private async Task<RelayReply?> HandleInScopeAsync(RelayDelivery delivery, CancellationToken cancellationToken)
    {
        var scope = scopes.CreateAsyncScope();
        await using (scope.ConfigureAwait(false))
        {
            return await handler(scope.ServiceProvider, delivery, cancellationToken).ConfigureAwait(false);
        }
    }
}
