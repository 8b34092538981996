using System.Security.Authentication;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>Turns what went wrong with Redis into a sentence for an operator. Nothing of the connection string is in it.</summary>
internal static class RedisErrors
{
    public const string NotConnected = "Redis cannot be reached. Check that it runs and that Relay:Storage:Redis names it.";
    public const string NoSentinel = "No Sentinel that Relay:Storage:Redis names can say who the primary is. Check that they run, and that serviceName is what they call it.";
    public const string SeveralPrimaries =
        "Several of the servers that Relay:Storage:Redis names say that they are the primary. None is used until all but one are replicas (REPLICAOF): what one has accepted the other does not know.";
    public const string NoAnswer = "Redis did not answer in time. Whether it took the call is unknown.";

    public const string TooSlow = "Redis cannot keep up: too many events wait for it. Nothing of this one was stored.";

    private const string NoPassword = "Redis wants a password: add password=… to Relay:Storage:Redis.";
    private const string WrongPassword = "Redis refused the password in Relay:Storage:Redis.";

    private static readonly (string Code, string Message)[] Causes =
    [
        ("LOADING", "Redis is loading its data after a start."),
        ("READONLY", "Redis is a read-only replica here. Connect to the primary, or wait for the failover to end."),
        ("MASTERDOWN", "Redis is a replica that has lost its primary."),
        ("OOM", "Redis is out of memory (maxmemory). Give it more, or wait until agents have fetched what is queued."),
        ("MISCONF", "Redis cannot write its data to disk (MISCONF) and refuses writes. See Redis's own log."),
        ("NOREPLICAS", "Redis has fewer replicas than min-replicas-to-write asks for."),
        ("CLUSTERDOWN", "The Redis Cluster is down or does not cover all slots."),
        ("TRYAGAIN", "The Redis Cluster is moving the agent's slot. This ends by itself."),
        ("MOVED", "The Redis Cluster has moved the agent's slot."),
        ("ASK", "The Redis Cluster is moving the agent's slot. This ends by itself."),
        ("BUSY", "Redis is busy running a script."),
        ("UNBLOCKED", "Redis has become a replica."),
        ("NOAUTH", NoPassword),
        ("WRONGPASS", WrongPassword),
        ("NOPERM", "The Redis user in Relay:Storage:Redis may not run the commands that the relay needs."),
    ];

    public static bool IsUnknownScript(Exception? error) =>
        error is RedisServerException && error.Message.StartsWith("NOSCRIPT", StringComparison.Ordinal);

    /// <summary>Whether Redis itself said so: the connection works.</summary>
    public static bool IsAnswer(Exception error) => error is RedisServerException;

    /// <summary>Whether a replica refused it, by itself or by the client, which knows.</summary>
    public static bool IsFromReplica(Exception? error) =>
        error is RedisServerException && (error.Message.StartsWith("READONLY", StringComparison.Ordinal) || error.Message.StartsWith("MASTERDOWN", StringComparison.Ordinal))
        || error is RedisCommandException;

    public static StoreUnavailableException Translate(Exception error) => error switch
    {
        StoreUnavailableException unavailable => unavailable,
        TimeoutException => new StoreUnavailableException(NoAnswer, error),
        RedisServerException => new StoreUnavailableException(Explain(error.Message)),
        _ => new StoreUnavailableException(NotConnected, error),
    };

    /// <summary>Why a connection could not be made, from what the client says of it.</summary>
    public static string ExplainRefusal(Exception? why, bool hasPassword)
    {
        for (; why is not null; why = why.InnerException)
        {
            if (why is AuthenticationException)
            {
                return $"The TLS connection to Redis failed: {why.Message} Its certificate must be of an authority that this machine trusts, for the name in Relay:Storage:Redis or its sslHost.";
            }

            if (why.Message.Contains("NOAUTH", StringComparison.Ordinal) || why.Message.Contains("WRONGPASS", StringComparison.Ordinal))
            {
                return hasPassword ? WrongPassword : NoPassword;
            }
        }

        return NotConnected;
    }

    /// <param name="answer">The error that Redis answered, which begins with its code.</param>
    public static string Explain(string answer)
    {
        foreach (var (code, message) in Causes)
        {
            if (answer.StartsWith(code, StringComparison.Ordinal) || answer.Contains("-" + code + " ", StringComparison.Ordinal))
            {
                return message;
            }
        }

        if (answer.Contains("compiling script", StringComparison.Ordinal))
        {
            return "Redis is too old: the relay needs Redis 7.0 or newer.";
        }

        // Redis repeats arguments of a command that it does not know; they are the senders', not the operator's.
        var arguments = answer.IndexOf("with args", StringComparison.Ordinal);
        return "Redis refused the call: " + (arguments < 0 ? answer : answer[..arguments].TrimEnd(' ', ','));
    }
}
