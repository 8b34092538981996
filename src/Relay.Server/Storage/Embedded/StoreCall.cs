namespace Relay.Server.Storage.Embedded;

/// <summary>A piece of work for the writer, and the caller that waits for it.</summary>
internal abstract class StoreCall(long sizeBytes)
{
    /// <summary>About how much it writes.</summary>
    public long SizeBytes { get; } = sizeBytes;

    /// <summary>Does the work inside the open transaction; again from the start, if that one is rolled back.</summary>
    public abstract void Execute(EmbeddedTables tables);

    /// <summary>Answers the caller: the transaction is on disk.</summary>
    public abstract void Complete();

    public abstract void Fail(Exception fault);
}

internal sealed class StoreCall<T>(Func<EmbeddedTables, T> work, TaskCompletionSource<T> answer, long sizeBytes) : StoreCall(sizeBytes)
{
    private T _result = default!;

    public override void Execute(EmbeddedTables tables) => _result = work(tables);

    public override void Complete() => answer.SetResult(_result);

    public override void Fail(Exception fault) =>
        answer.SetException(fault is SqliteFault ? new StoreUnavailableException(fault.Message, fault) : fault);
}
