using System.Security.Cryptography;
using System.Text;

namespace Relay.Server.Storage.Redis;

/// <summary>
/// One operation of the store: a Lua script that touches the keys of one agent, or of one limit, only, so that it runs in Redis Cluster too.
/// Each begins with <c>#!lua</c> (Redis 7): Redis then refuses it as a whole, before its first write, when it is a replica, out of memory
/// or cannot persist. <c>allow-oom</c> is for those that make room: a full Redis must still take acknowledgements.
/// </summary>
internal sealed class RedisScript
{
    public static readonly RedisScript Accept = new("accept", takesMany: true);
    public static readonly RedisScript Lease = new("lease", takesMany: true, seesEvents: true);
    public static readonly RedisScript Settle = new("settle", takesMany: true, seesEvents: true);
    public static readonly RedisScript Extend = new("extend", seesEvents: true);
    public static readonly RedisScript Claim = new("claim", seesEvents: true);
    public static readonly RedisScript Expire = new("expire", seesEvents: true);
    public static readonly RedisScript ForgetGaps = new("forget_gaps");
    public static readonly RedisScript Find = new("find", seesEvents: true);
    public static readonly RedisScript Owns = new("owns", seesEvents: true);
    public static readonly RedisScript ChangeAgent = new("change_agent");
    public static readonly RedisScript NoteUse = new("note_use");
    public static readonly RedisScript List = new("list", seesEvents: true);
    public static readonly RedisScript Presence = new("presence", takesMany: true);
    public static readonly RedisScript Log = new("log");
    public static readonly RedisScript ReadLog = new("read_log");
    public static readonly RedisScript TakeDue = new("take_due");
    public static readonly RedisScript MoveDue = new("move_due");
    public static readonly RedisScript TakePermits = new("take_permits", takesMany: true);
    public static readonly RedisScript Seats = new("seats");
    public static readonly RedisScript ReportNode = new("report_node");
    public static readonly RedisScript AddCounts = new("add_counts");
    public static readonly RedisScript Health = new("health");

    public static IReadOnlyList<RedisScript> All => [Accept, Lease, Settle, Extend, Claim, Expire, ForgetGaps, Find, Owns, List, ChangeAgent, NoteUse, Log, ReadLog, TakeDue, MoveDue, Presence, TakePermits, Seats, ReportNode, AddCounts, Health];

    private RedisScript(string name, bool takesMany = false, bool seesEvents = false)
    {
        TakesMany = takesMany;
        var lines = Read(name).Split('\n', 2);
        Text = lines[0] + "\n" + Read("shared") + (seesEvents ? Read("batches") : "") + lines[1];
#pragma warning disable CA5350 // SHA-1 is how Redis names scripts; nothing depends on its strength.
        Hash = SHA1.HashData(Encoding.UTF8.GetBytes(Text));
#pragma warning restore CA5350
    }

    public string Text { get; }

    /// <summary>
    /// Whether several calls are made in one: KEYS are then those of the calls, each once, and ARGV has for each call the number of its key, how many
    /// arguments it has, and these. It answers an array, with one answer for each call; '!' and why for one that failed.
    /// </summary>
    public bool TakesMany { get; }

    /// <summary>What EVALSHA calls it by.</summary>
    public byte[] Hash { get; }

    private static string Read(string name)
    {
        using var stream = typeof(RedisScript).Assembly.GetManifestResourceStream($"Relay.Server.Storage.Redis.Scripts.{name}.lua")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
