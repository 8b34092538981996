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

/// <param name="work">What is to be done; on the way of every event it captures nothing.</param>
/// <param name="argument">With what.</param>
/// <param name="sizeBytes">As <see cref="StoreCall.SizeBytes"/>.</param>
internal sealed class StoreCall<TArgument, T>(Func<EmbeddedTables, TArgument, T> work, TArgument argument, long sizeBytes) : StoreCall(sizeBytes)
{
    // The caller's code must not run on the writer's thread.
    private readonly TaskCompletionSource<T> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private T _result = default!;

    /// <summary>Ends when what the work wrote is on disk.</summary>
    public Task<T> Task => _answer.Task;

    public override void Execute(EmbeddedTables tables) => _result = work(tables, argument);

    public override void Complete() => _answer.SetResult(_result);

    public override void Fail(Exception fault) =>
        _answer.SetException(fault is SqliteFault ? new StoreUnavailableException(fault.Message, fault) : fault);
}
