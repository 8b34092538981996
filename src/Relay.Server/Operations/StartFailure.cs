using Microsoft.Extensions.Options;
using Relay.Server.Storage;

namespace Relay.Server.Operations;

/// <summary>Says in one sentence why the server cannot start, for what an operator can set right.</summary>
internal static class StartFailure
{
    private const string HostCategory = "Microsoft.Extensions.Hosting.Internal.Host";

    /// <summary>
    /// Keeps the host from logging a failed start with its stack trace before the one sentence. What has no sentence ends the process with
    /// its trace anyway, and a background service that fails is logged as critical too.
    /// </summary>
    public static IServiceCollection AddStartFailure(this IServiceCollection services)
    {
        var start = new Start();
        return services
            .AddLogging(logging => logging.AddFilter(HostCategory, level => level >= LogLevel.Information && (level != LogLevel.Error || start.IsOver)))
            .AddHostedService(_ => start);
    }

    /// <returns>Null for what is not the operator's to set right.</returns>
    public static string? Explain(Exception exception) => exception switch
    {
        OptionsValidationException wrong => $"The configuration is wrong: {string.Join(" ", wrong.Failures)}",
        AggregateException several when several.InnerExceptions.All(static inner => inner is OptionsValidationException) =>
            $"The configuration is wrong: {string.Join(" ", several.InnerExceptions.SelectMany(static inner => ((OptionsValidationException)inner).Failures))}",
        StoreUnavailableException closed => closed.Message,
        InvalidOperationException unreadable when unreadable.Message.Contains("Relay:", StringComparison.Ordinal) => $"The configuration is wrong: {unreadable.Message}",
        IOException bind when bind.Message.StartsWith("Failed to bind", StringComparison.Ordinal) => $"{bind.Message} Choose another address, for instance with --urls http://localhost:8081.",
        _ => null,
    };

    private sealed class Start : IHostedLifecycleService
    {
        private volatile bool _isOver;

        public bool IsOver => _isOver;

        public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StartedAsync(CancellationToken cancellationToken)
        {
            _isOver = true;
            return Task.CompletedTask;
        }

        public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
