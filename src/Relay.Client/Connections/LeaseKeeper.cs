namespace Relay.Client;

/// <summary>Extends deliveries that wait here or are being worked on, so that a slow handler costs no attempts. RunAsync: once.</summary>
internal static class LeaseKeeper
{
    public static async Task RunAsync(ClientSettings settings, DeliveryLedger ledger, Func<ConsumerKind> consumer, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(settings.Options.AckTimeout / 3, settings.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false))
            {
                var now = consumer();
                ledger.ExtendOpen(
                    waiting: now is ConsumerKind.Enumeration or ConsumerKind.Handler,
                    held: now is ConsumerKind.Handler or ConsumerKind.Leaving);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }
}

/// <summary>Who takes deliveries now.</summary>
internal enum ConsumerKind
{
    /// <summary>Nobody: what waits is left to its lease.</summary>
    None,

    /// <summary>An enumeration, which extends what it took by itself.</summary>
    Enumeration,

    /// <summary>A handler, for which all is extended.</summary>
    Handler,

    /// <summary>One that takes no more: what it still works on is extended.</summary>
    Leaving,
}
