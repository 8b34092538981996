namespace Relay.Server.Storage;

/// <summary>Whether the store takes writes now. Any thread.</summary>
internal interface IStoreHealth
{
    /// <summary>The store's name as configured: <c>embedded</c> or <c>redis</c>.</summary>
    string Kind { get; }

    /// <summary>Null when the store works, else one sentence for an operator. Never throws.</summary>
    Task<string?> CheckAsync(CancellationToken cancellationToken);
}
