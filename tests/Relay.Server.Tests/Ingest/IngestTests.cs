using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Ingest;

public sealed class IngestTests
{
    public static TheoryData<string, byte[]> Bodies => new()
    {
        { "application/json", """{"a":1}"""u8.ToArray() },
        { "application/json", """{ "spaced" : [ 1 , 2.50 ], "é":"\/" }"""u8.ToArray() },
        { "application/json; charset=utf-8", "{\"cut\":"u8.ToArray() },
        { "application/x-www-form-urlencoded", "a=1&b=%C3%A9"u8.ToArray() },
        { "text/plain", "null"u8.ToArray() },
        { "text/plain", " null "u8.ToArray() },
        { "application/octet-stream", [.. Enumerable.Range(0, 256).Select(static i => (byte)i)] },
        { "application/json", [0xef, 0xbb, 0xbf, (byte)'{', (byte)'}'] },
        { "application/octet-stream", [] },
        { "application/octet-stream", RandomNumberGenerator.GetBytes(1 << 20) },
    };

    [Theory, MemberData(nameof(Bodies))]
    public async Task The_exact_bytes_arrive_and_both_signatures_verify(string contentType, byte[] body)
    {
        foreach (var store in (string[])["embedded", "redis"])
        {
            await using var relay = await RelayHost.StartAsync(store);
            var agent = await relay.RegisterAsync();
            await using var connected = await relay.ConnectAsync(agent);

            using var response = await relay.PostAsync(agent, body, contentType);

            Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
            var webhook = await connected.ReceiveWebhookAsync();
            Assert.Equal(body, webhook.ExactBody.ToArray());
            Assert.Equal(contentType, webhook.Headers["content-type"]);
            Assert.True(ApiKey.TryParse(agent.ApiKey, out var key) & SigningSecret.TryParse(agent.SigningSecret, out var secret));
            Assert.True(webhook.HasValidSignature(key!));
            Assert.True(webhook.HasValidSignature(secret!));
        }
    }

    [Theory, OnEachStore]
    public async Task An_accepted_webhook_is_answered_with_its_id_and_whether_the_agent_is_there(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();

        using var away = await relay.PostAsync(agent, "{}"u8.ToArray());
        await using var connected = await relay.ConnectAsync(agent);
        using var there = await relay.PostAsync(agent, "{}"u8.ToArray());

        foreach (var (response, isThere) in new[] { (away, false), (there, true) })
        {
            Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
            var answer = await RelayHost.ReadJsonAsync(response);
            Assert.Equal("queued", answer.GetProperty("status").GetString());
            Assert.Matches("^evt_[0-9a-f]{32}$", answer.GetProperty("id").GetString());
            Assert.Equal(agent.RelayId, answer.GetProperty("relay_id").GetString());
            Assert.Equal(isThere, answer.GetProperty("agent_connected").GetBoolean());
            Assert.True(answer.GetProperty("timestamp").GetInt64() > 1_700_000_000_000);
        }
    }

    [Theory]
    [InlineData("POST", "", "/", "")]
    [InlineData("PUT", "/", "/", "")]
    [InlineData("PATCH", "/a/b%2Fc%20d/é?x=1&y=%26&x=2", "/a/b%2Fc%20d/%C3%A9", "x=1&y=%26&x=2")]
    [InlineData("POST", "?only=query", "/", "only=query")]
    [InlineData("POST", "/a//b", "/a//b", "")]
    public async Task Method_path_and_query_are_kept_as_they_came(string method, string pathAndQuery, string path, string query)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);

        using var request = new HttpRequestMessage(new HttpMethod(method), $"/api/v1/webhook/{agent.RelayId}{pathAndQuery}");
        using var response = await relay.Http.SendAsync(request);

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        var webhook = await connected.ReceiveWebhookAsync();
        Assert.Equal((method, path, query), (webhook.Method, webhook.Path, webhook.Query));
    }

    [Fact]
    public async Task Headers_are_passed_on_but_for_those_of_the_hop_and_credentials()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);

        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/webhook/{agent.RelayId}");
        string[] passed = ["X-GitHub-Event", "X-Hub-Signature-256", "X-Forwarded-For", "User-Agent", "X-Quote"];
        foreach (var name in passed)
        {
            request.Headers.TryAddWithoutValidation(name, name == "X-Quote" ? """a "quoted" \ </>""" : "value");
        }

        foreach (var name in (string[])["Authorization", "Cookie", "TE", "Proxy-Authorization", "Keep-Alive", "X-Hop"])
        {
            request.Headers.TryAddWithoutValidation(name, "secret");
        }

        request.Headers.TryAddWithoutValidation("X-Twice", ["one", "two"]);
        request.Headers.Connection.Add("X-Hop");
        using var response = await relay.Http.SendAsync(request);

        var webhook = await connected.ReceiveWebhookAsync();
        Assert.Equal(["content-length", .. passed.Select(static name => name.ToLowerInvariant()).Append("x-twice").Order()], webhook.Headers.Keys.Order());
        Assert.Equal("one, two", webhook.Headers["x-twice"]);
        Assert.Equal("""a "quoted" \ </>""", webhook.Headers["x-quote"]);
    }

    [Theory]
    [InlineData("/api/v1/webhook/agt_0123456789abcdef0123456789abcdef")]
    [InlineData("/api/v1/webhook/nonsense")]
    [InlineData("/api/v1/webhook/agt_0123456789ABCDEF")]
    public async Task An_unknown_relay_id_is_404(string path)
    {
        await using var relay = await RelayHost.StartAsync("embedded");

        using var response = await relay.Http.PostAsync(new Uri(path, UriKind.Relative), new ByteArrayContent([]));

        await Expect.ErrorAsync(response, HttpStatusCode.NotFound, "unknown_relay_id");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_body_over_the_limit_is_413_and_one_at_the_limit_is_taken(bool chunked)
    {
        await using var relay = await RelayHost.StartAsync("embedded", settings: ("Relay:Ingest:MaxBodyBytes", "1000"));
        var agent = await relay.RegisterAsync();

        foreach (var (length, status) in new[] { (1000, HttpStatusCode.Accepted), (1001, HttpStatusCode.RequestEntityTooLarge), (100_000, HttpStatusCode.RequestEntityTooLarge) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/webhook/{agent.RelayId}") { Content = new ByteArrayContent(new byte[length]) };
            request.Headers.TransferEncodingChunked = chunked;
            using var response = await relay.Http.SendAsync(request);

            Assert.Equal(status, response.StatusCode);
            if (status != HttpStatusCode.Accepted)
            {
                await Expect.ErrorAsync(response, status, "body_too_large");
            }
        }
    }

    [Fact]
    public async Task An_agent_that_is_deactivated_while_a_body_comes_takes_nothing()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        using var socket = new TcpClient();
        await socket.ConnectAsync(relay.Http.BaseAddress!.Host, relay.Http.BaseAddress.Port);
        using var answers = new StreamReader(socket.GetStream(), Encoding.ASCII);

        // The server asks for the body when it has looked up whom it is for.
        await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /api/v1/webhook/{agent.RelayId} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"));
        Assert.StartsWith("HTTP/1.1 100", await answers.ReadLineAsync(), StringComparison.Ordinal);
        await answers.ReadLineAsync();
        await relay.DeactivateAsync(agent);
        await socket.GetStream().WriteAsync("body"u8.ToArray());

        Assert.StartsWith("HTTP/1.1 404", await answers.ReadLineAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_sender_that_hangs_up_in_the_middle_of_its_body_leaves_nothing()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);

        using (var socket = new TcpClient())
        {
            await socket.ConnectAsync(relay.Http.BaseAddress!.Host, relay.Http.BaseAddress.Port);
            await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
                $"POST /api/v1/webhook/{agent.RelayId} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf"));
        }

        var whole = await relay.QueueAsync(agent, """{"whole":true}""");
        Assert.Equal(whole, (await connected.ReceiveWebhookAsync()).Id);
        await connected.AssertSilentAsync();
    }

    [Theory, OnEachStore]
    public async Task A_repeated_idempotency_key_is_a_duplicate_and_delivered_once(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);

        foreach (var header in (string[])["Idempotency-Key", "webhook-id", "X-GitHub-Delivery", "X-Shopify-Webhook-Id"])
        {
            List<(HttpStatusCode Status, string Id)> answers = [];
            for (var i = 0; i < 2; i++)
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/webhook/{agent.RelayId}");
                request.Headers.Add(header, "72d3162e-cc78-11e3-81ab-4c9367dc0958");
                using var response = await relay.Http.SendAsync(request);
                var answer = await RelayHost.ReadJsonAsync(response);
                Assert.Equal(i == 0 ? "queued" : "duplicate", answer.GetProperty("status").GetString());
                answers.Add((response.StatusCode, answer.GetProperty("id").GetString()!));
            }

            Assert.Equal([(HttpStatusCode.Accepted, answers[0].Id), (HttpStatusCode.OK, answers[0].Id)], answers);
            Assert.Equal(answers[0].Id, (await connected.ReceiveWebhookAsync()).Id);
            await connected.AssertSilentAsync();
        }
    }

    [Theory, OnEachStore]
    public async Task A_full_queue_is_503_with_retry_after_and_drops_nothing_old(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, settings: ("Relay:Delivery:MaxQueuedEvents", "2"));
        var agent = await relay.RegisterAsync();
        string[] kept = [await relay.QueueAsync(agent), await relay.QueueAsync(agent)];

        using (var refused = await relay.PostAsync(agent, "{}"u8.ToArray()))
        {
            await Expect.ErrorAsync(refused, HttpStatusCode.ServiceUnavailable, "queue_full");
            Assert.True(refused.Headers.RetryAfter?.Delta > TimeSpan.Zero);
        }

        await using var connected = await relay.ConnectAsync(agent);
        Assert.Equal(kept, await connected.ReceiveWebhookIdsAsync(2));
        await connected.AckAsync(kept);
        await relay.WhenAsync(agent, kept[1], EventState.Delivered);
        await relay.QueueAsync(agent);
    }

    [Fact]
    public async Task Other_methods_are_405_in_the_one_shape()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();

        using var response = await relay.Http.GetAsync(new Uri($"/api/v1/webhook/{agent.RelayId}", UriKind.Relative));

        await Expect.ErrorAsync(response, HttpStatusCode.MethodNotAllowed, "method_not_allowed");
        Assert.Contains("POST", response.Content.Headers.Allow);
    }

    [Fact]
    public async Task An_unknown_address_is_404_in_the_one_shape()
    {
        await using var relay = await RelayHost.StartAsync("embedded");

        using var response = await relay.Http.GetAsync(new Uri("/nothing/here", UriKind.Relative));

        await Expect.ErrorAsync(response, HttpStatusCode.NotFound, "not_found");
    }

    [Theory]
    [InlineData("/api/v1/webhook/%61gt_{0}/a/b%2Fc?q=%20", "/a/b%2Fc", "q=%20")]
    [InlineData("/api/v1/webhook/agt%5F{0}/a", "/a", "")]
    [InlineData("http://elsewhere/api/v1/webhook/agt_{0}/a/webhook/agt_0/b?x", "/a/webhook/agt_0/b", "x")]
    [InlineData("/API/v1/Webhook/agt_{0}", "/", "")]
    [InlineData("/api/v1/webhook/agt_{0}?path=/webhook/agt_0/b", "/", "path=/webhook/agt_0/b")]
    public async Task However_a_sender_spells_the_address_what_follows_it_is_kept(string target, string path, string query)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);

        var answer = await SendRawAsync(relay, $"POST {target.Replace("{0}", agent.RelayId["agt_".Length..], StringComparison.Ordinal)} HTTP/1.1\r\nHost: elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 202", answer, StringComparison.Ordinal);
        var webhook = await connected.ReceiveWebhookAsync();
        Assert.Equal((path, query), (webhook.Path, webhook.Query));
    }

    [Theory]
    [InlineData("caf\u00e9", "caf\u00e9")]
    [InlineData("caf\u00c3\u00a9", "caf\u00e9")]
    [InlineData("a\tb", "a\tb")]
    public async Task Header_values_beyond_ascii_are_no_reason_to_refuse_a_webhook(string latin1, string expected)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);

        var answer = await SendRawAsync(relay, $"POST /api/v1/webhook/{agent.RelayId} HTTP/1.1\r\nHost: relay\r\nX-Place: {latin1}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 202", answer, StringComparison.Ordinal);
        Assert.Equal(expected, (await connected.ReceiveWebhookAsync()).Headers["x-place"]);
    }

    /// <summary>Sends a request, one byte a character, and reads to the end of the connection.</summary>
    private static async Task<string> SendRawAsync(RelayHost relay, string request)
    {
        using var patience = new CancellationTokenSource(RelayHost.Patience);
        using var socket = new TcpClient();
        await socket.ConnectAsync(relay.Http.BaseAddress!.Host, relay.Http.BaseAddress.Port, patience.Token);
        await using var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request), patience.Token);
        using var reader = new StreamReader(stream, Encoding.Latin1);
        return await reader.ReadToEndAsync(patience.Token);
    }
}
