using Microsoft.Extensions.Options;
using Relay.Server.Storage;

namespace Relay.Server.Operations;

/// <summary>Says in one sentence why the server cannot start, for what an operator can set right.</summary>
internal static class StartFailure
{
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
}
