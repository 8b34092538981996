using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Relay.Client;

/// <summary>Receives webhooks in a host.</summary>
public static class RelayClientServiceCollectionExtensions
{
    /// <summary>
    /// Runs a client for as long as the host, with a <typeparamref name="THandler"/> from its own scope for every delivery; an
    /// <see cref="IRelayReplyHandler"/> answers senders too. A client
    /// that ends for good, for instance because its key was refused, logs why as critical and stops the host. Stopping the host
    /// drains: keep <see cref="RelayClientOptions.DrainTimeout"/> below the host's shutdown timeout. The <see cref="RelayClient"/>,
    /// for its events, is a service too: of several, each is keyed by its handler's type.
    /// </summary>
    public static IServiceCollection AddRelayClient<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(
        this IServiceCollection services, Action<RelayClientOptions> configure)
        where THandler : class, IRelayHandler
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddScoped<THandler>();
        return services.AddClient(typeof(THandler), configure, static async (provider, delivery, cancellationToken) =>
        {
            var handler = provider.GetRequiredService<THandler>();
            if (handler is IRelayReplyHandler replying)
            {
                return await replying.ReplyAsync(delivery, cancellationToken).ConfigureAwait(false);
            }

            await handler.HandleAsync(delivery, cancellationToken).ConfigureAwait(false);
            return null;
        });
    }

    /// <summary>The same with a delegate, which gets the delivery's scope, and a client keyed by the delegate.</summary>
    public static IServiceCollection AddRelayClient(
        this IServiceCollection services,
        Action<RelayClientOptions> configure,
        Func<IServiceProvider, RelayDelivery, CancellationToken, Task> handler)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(handler);
        return services.AddClient(handler, configure, async (provider, delivery, cancellationToken) =>
        {
            await handler(provider, delivery, cancellationToken).ConfigureAwait(false);
            return null;
        });
    }

    /// <summary>The same with a delegate that answers senders that wait; null acknowledges only.</summary>
    public static IServiceCollection AddRelayClient(
        this IServiceCollection services,
        Action<RelayClientOptions> configure,
        Func<IServiceProvider, RelayDelivery, CancellationToken, Task<RelayReply?>> handler)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(handler);
        return services.AddClient(handler, configure, handler);
    }

    private static IServiceCollection AddClient(
        this IServiceCollection services,
        object key,
        Action<RelayClientOptions> configure,
        Func<IServiceProvider, RelayDelivery, CancellationToken, Task<RelayReply?>> handler)
    {
        ArgumentNullException.ThrowIfNull(configure);
        if (services.Any(service => service.ServiceType == typeof(RelayClient) && Equals(service.ServiceKey, key)))
        {
            throw new InvalidOperationException($"A relay client for {key} was added before. Give the second agent a handler type of its own, or a delegate.");
        }

        services.AddKeyedSingleton(key, (provider, _) =>
        {
            var options = new RelayClientOptions
            {
                LoggerFactory = provider.GetService<ILoggerFactory>(),
                TimeProvider = provider.GetService<TimeProvider>() ?? TimeProvider.System,
            };
            configure(options);
            return new RelayClient(options);
        });
        services.TryAddSingleton(provider => provider.GetRequiredKeyedService<RelayClient>(key));
        services.AddSingleton<IHostedService>(provider => new RelayHandlerService(
            provider.GetRequiredKeyedService<RelayClient>(key),
            handler,
            provider.GetRequiredService<IServiceScopeFactory>(),
            provider.GetRequiredService<IHostApplicationLifetime>(),
            provider.GetRequiredService<ILogger<RelayClient>>()));
        return services;
    }
}
