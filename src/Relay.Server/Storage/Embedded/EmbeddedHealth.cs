namespace Relay.Server.Storage.Embedded;

/// <summary>Healthy is a store that just committed a write.</summary>
internal sealed class EmbeddedHealth(EmbeddedStore store) : IStoreHealth
{
    public string Kind => "embedded";

    public async Task<string?> CheckAsync(CancellationToken cancellationToken)
    {
        try
        {
            await store.Writer.RunAsync(static tables =>
            {
                tables.Check();
                return true;
            }).WaitAsync(cancellationToken);
            return null;
        }
        catch (OperationCanceledException)
        {
            return "The embedded store did not commit a write in time.";
        }
        catch (Exception fault)
        {
            return fault.Message;
        }
    }
}
