namespace Relay.Fuzz.Tests.Fuzzing;

/// <summary>Calls of the admin and of agents: bodies, queries, cursors and paths, right and hostile.</summary>
internal static class ApiRequests
{
    private const string Delivery =
        """{"ack_timeout_ms":1000,"retry_delays_ms":[0,100],"max_attempts":3,"retention_seconds":60,"max_in_flight":4,"max_queued_events":10,"max_queued_bytes":1000,"sender_wait_seconds":0,"ordering_key":"/a/b","paused":true,"connections":"shared","http":"fallback"}""";

    private const string Source = """{"type":"hmac","secret":"0123456789","header":"X-Sig","algorithm":"sha1","encoding":"base64","prefix":"p","timestamp_header":"X-T","template":"{timestamp}{body}"}""";

    /// <summary>Those that change an agent are for {victim} alone: {agent} is the attackers' other door.</summary>
    private static readonly (string Method, string Path, string Body)[] Calls =
    [
        ("POST", "/api/v1/register", $$"""{"workspace_id":"w","name":"n","metadata":{"a":[1]},"delivery":{{Delivery}},"source":{{Source}},"http_endpoint":"https://x.invalid/"}"""),
        ("POST", "/api/v1/register", """{"name":"n"}"""),
        ("POST", "/api/v1/rotate", """{"old_relay_id":"agt_0000000000000000","workspace_id":"w","metadata":{},"grace_seconds":5}"""),
        ("POST", "/api/v1/rotate", """{"relay_id":"{victim}","grace_seconds":604800}"""),
        ("POST", "/api/v1/rotate", """{"old_relay_id":"{victim}","workspace_id":"w"}"""),
        ("POST", "/api/v1/admin/keys", """{"name":"k","role":"viewer","expires_at":1}"""),
        ("GET", "/api/v1/admin/keys", ""),
        ("DELETE", "/api/v1/admin/keys/{key}", ""),
        ("POST", "/api/v1/admin/reencrypt", ""),
        ("GET", "/api/v1/admin/audit", ""),
        ("GET", "/api/v1/agents", ""),
        ("GET", "/api/v1/agents/{agent}", ""),
        ("PATCH", "/api/v1/agents/{victim}", $$"""{"source":{{Source}} }"""),
        ("PATCH", "/api/v1/agents/{victim}", $$"""{"name":"x","workspace_id":null,"metadata":{"b":{} },"delivery":{{Delivery}},"http_endpoint":null}"""),
        ("DELETE", "/api/v1/agents/{victim}", ""),
        ("GET", "/api/v1/agents/{agent}/events", ""),
        ("GET", "/api/v1/agents/{agent}/logs", ""),
        ("POST", "/api/v1/agents/{victim}/replay", """{"status":"dead","from":0,"to":1,"limit":5}"""),
        ("POST", "/api/v1/agents/{victim}/probe", ""),
        ("GET", "/api/v1/events/{event}", ""),
        ("POST", "/api/v1/events/{event}/replay", "{}"),
        ("GET", "/api/v1/replays/{event}", ""),
        ("GET", "/api/v1/pending/{agent}", ""),
        ("DELETE", "/api/v1/events/{agent}/{event}", ""),
        ("POST", "/api/v1/events/{agent}/{event}/nack", """{"reason":"r","retry_after_ms":1,"dead_letter":false}"""),
        ("GET", "/api/v1/feed", ""), ("GET", "/api/v1/health", ""), ("GET", "/readyz", ""), ("GET", "/", ""), ("GET", "/api/v1/connect", ""), ("GET", "/swagger/v1/swagger.json", ""),
    ];

    private static readonly string[] Names = ["limit", "cursor", "status", "wait", "ack", "agent", "relay_id", "from", "%6cimit", "", "limit[]", "replay_of", "via"];
    private static readonly string[] Values = ["1", "0", "1000", "-1", "99999999999999999999", "dead", "queued", "in_flight", "true", "evt_00000000000000000000000000000000", "AAAA", "MQ==", "%00", "%ff", "%", "+", "NaN"];

    public static HttpCase Make(FuzzWorld world, Random random)
    {
        var hostile = new Hostile(random);
        var (method, path, body) = hostile.Any(Calls);
        if (path.StartsWith("/swagger", StringComparison.Ordinal) && hostile.Chance(90))
        {
            // It is made anew each time.
            return Make(world, random);
        }

        var victim = world.Victim() ?? world.Open;
        var agent = hostile.Chance(60) ? world.Open : victim;
        body = body.Replace("{victim}", victim.RelayId, StringComparison.Ordinal);

        // Open's own key must go on to be good, so that calls with it get beyond the door.
        var changes = path.Contains("{victim}", StringComparison.Ordinal) || path.EndsWith("/rotate", StringComparison.Ordinal);
        agent = changes ? victim : agent;
        path = string.Join('/', path.Split('/').Select(segment => segment switch
        {
            "{victim}" => hostile.Chance(20) || ReferenceEquals(victim, world.Open) ? hostile.Segment() : victim.RelayId,
            "{agent}" => hostile.Chance(15) ? hostile.Segment() : agent.RelayId,
            "{event}" => hostile.Chance(50) ? hostile.Segment() : world.Event() ?? $"evt_{random.NextInt64():x32}",
            "{key}" => hostile.Chance(50) ? hostile.Segment() : $"{random.NextInt64():x16}",
            _ => hostile.Chance(1) ? hostile.Segment() : segment,
        }));
        if (hostile.Chance(30))
        {
            path += "?" + string.Join('&', Enumerable.Range(0, random.Next(1, 4)).Select(_ => $"{hostile.Any(Names)}={(hostile.Chance(30) ? hostile.Segment() : hostile.Any(Values))}"));
        }

        (string, string)[] headers = random.Next(10) switch
        {
            0 => [],
            1 => [("X-Admin-Key", hostile.Damage(RelayHost.AdminKey))],
            2 => [("Authorization", hostile.Damage($"Bearer {agent.ApiKey}"))],
            3 or 4 => [("Authorization", $"Bearer {agent.ApiKey}")],
            5 => [("X-Admin-Key", RelayHost.AdminKey), ("X-Admin-Key", RelayHost.AdminKey)],
            _ => [("X-Admin-Key", RelayHost.AdminKey)],
        };
        method = !changes && hostile.Chance(5) ? hostile.Any(["GET", "POST", "PUT", "HEAD", "OPTIONS", "TRACE", "get"]) : method;
        var request = RequestText.Write(random, hostile, method, path.Replace(' ', '+'), headers, body.Length > 0 ? hostile.Document(body) : []);
        return new HttpCase(hostile.Chance(4) ? RequestText.Break(hostile, request) : request);
    }
}
