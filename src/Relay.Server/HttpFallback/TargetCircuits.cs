namespace Relay.Server.HttpFallback;

/// <summary>
/// Which targets (scheme, host and port) this node leaves alone because they do not work: after <see cref="FailuresToOpen"/> failures in a
/// row nothing is sent to one for a while, then one post is tried; if that fails too, the while doubles. Any thread.
/// </summary>
internal sealed class TargetCircuits(TimeProvider time)
{
    public const int FailuresToOpen = 5;

    public static readonly TimeSpan FirstBreak = TimeSpan.FromSeconds(10);

    private const int PrunedAbove = 10_000;
    private static readonly TimeSpan LongestBreak = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan ForgottenAfter = TimeSpan.FromHours(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Circuit> _circuits = [];

    /// <summary>How it stands with a target.</summary>
    public CircuitState Look(Uri target)
    {
        lock (_gate)
        {
            return _circuits.TryGetValue(Key(target), out var circuit) ? circuit.StateAt(time.GetUtcNow()) : CircuitState.Closed;
        }
    }

    /// <summary>Asks whether to send now. Who may, says afterwards how it went.</summary>
    /// <param name="target">Any URL of it.</param>
    /// <param name="retryAt">When to ask again, if not.</param>
    public bool TryEnter(Uri target, out DateTimeOffset retryAt)
    {
        lock (_gate)
        {
            var now = time.GetUtcNow();
            retryAt = now;
            if (!_circuits.TryGetValue(Key(target), out var circuit) || circuit.StateAt(now) == CircuitState.Closed)
            {
                return true;
            }

            if (circuit.StateAt(now) == CircuitState.Open)
            {
                retryAt = circuit.OpenUntil;
                return false;
            }

            // The trial. Nobody else is let through until its outcome is known, or could be.
            circuit.Open(now, EndpointPoster.Timeout + TimeSpan.FromSeconds(1));
            return true;
        }
    }

    public void Succeeded(Uri target)
    {
        lock (_gate)
        {
            _circuits.Remove(Key(target));
        }
    }

    /// <param name="target">Any URL of it.</param>
    /// <param name="began">The timestamp of the beginning: what was under way when the target was left alone is no news.</param>
    /// <returns>For how long the target is left alone, if this was one failure too many; else null.</returns>
    public TimeSpan? Failed(Uri target, long began)
    {
        lock (_gate)
        {
            var key = Key(target);
            var now = time.GetUtcNow();
            if (!_circuits.TryGetValue(key, out var circuit))
            {
                Prune(now);
                _circuits[key] = circuit = new Circuit();
            }

            circuit.LastFailure = now;
            if ((circuit.Failures >= FailuresToOpen && began < circuit.FailedAt) || ++circuit.Failures < FailuresToOpen)
            {
                return null;
            }

            var length = FirstBreak * Math.Pow(2, Math.Min(circuit.Failures - FailuresToOpen, 10));
            length = length < LongestBreak ? length : LongestBreak;
            circuit.FailedAt = time.GetTimestamp();
            circuit.Open(now, length);
            return length;
        }
    }

    private static string Key(Uri target) => target.GetLeftPart(UriPartial.Authority);

    private void Prune(DateTimeOffset now)
    {
        if (_circuits.Count < PrunedAbove)
        {
            return;
        }

        foreach (var (key, circuit) in _circuits)
        {
            if (circuit.LastFailure < now - ForgottenAfter)
            {
                _circuits.Remove(key);
            }
        }
    }

    private sealed class Circuit
    {
        /// <summary>In a row.</summary>
        public int Failures { get; set; }

        /// <summary>The timestamp of the failure that it was last left alone for.</summary>
        public long FailedAt { get; set; }

        public DateTimeOffset LastFailure { get; set; }

        public DateTimeOffset OpenUntil { get; private set; }

        private TimeSpan Length { get; set; }

        public void Open(DateTimeOffset now, TimeSpan length) => (OpenUntil, Length) = (now + length, length);

        /// <summary>Never open for longer than it was meant to be: the clock may go back.</summary>
        public CircuitState StateAt(DateTimeOffset now) =>
            Failures < FailuresToOpen ? CircuitState.Closed
            : now < OpenUntil && OpenUntil - now <= Length ? CircuitState.Open
            : CircuitState.HalfOpen;
    }
}

internal enum CircuitState
{
    /// <summary>Anything may be sent.</summary>
    Closed,

    /// <summary>Nothing is sent.</summary>
    Open,

    /// <summary>One is tried.</summary>
    HalfOpen,
}
