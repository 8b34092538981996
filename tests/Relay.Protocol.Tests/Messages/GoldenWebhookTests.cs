using System.Buffers;
using System.Text;

namespace Relay.Protocol.Tests.Messages;

/// <summary>The golden webhooks are made by Vectors/make_vectors.py, from the same parts as here.</summary>
public class GoldenWebhookTests
{
    private const string GithubHead = """{"method":"POST","path":"/","query":"","headers":{"content-type":"application/json","x-github-event":"push"},"source":{"type":"github","verified":true}}""";
    private const string FormHead = """{"method":"PUT","path":"/slack/actions","query":"team=T1&x=%20","headers":{"content-type":"application/x-www-form-urlencoded"}}""";

    private static readonly Dictionary<string, (int Attempt, string Head, byte[] Body, SigningSecret[] Secrets)> Webhooks = new()
    {
        ["webhook-json"] = (1, GithubHead, """{"ref":"refs/heads/main","commits":[{"id":"c0ffee","n":1.0}]}"""u8.ToArray(), [TestKeys.Secret]),
        ["webhook-json-and-body"] = (6, GithubHead, "{ \"name\": \"Zoë\",\n  \"url\": \"a\\/b\" }\n"u8.ToArray(), [TestKeys.Secret, TestKeys.OldSecret]),
        ["webhook-not-json"] = (2, FormHead, [.. "payload=%7B%7D&a="u8, 0xff], [TestKeys.Secret]),
    };

    public static IEnumerable<string> Files => Webhooks.Keys;

    public static TheoryData<string> Names => [.. Webhooks.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void What_the_server_writes_is_the_golden_file(string name)
    {
        var (attempt, head, body, secrets) = Webhooks[name];
        var output = new ArrayBufferWriter<byte>();

        WebhookFrame.Write(output, new WebhookParts
        {
            Id = TestKeys.Event,
            TimestampMs = TestKeys.TimestampMs,
            Attempt = attempt,
            ReceivedAtMs = 1767225600000,
            Head = Encoding.UTF8.GetBytes(head),
            Body = body,
        }, new SigningKeys(TestKeys.ApiKey, secrets));

        Assert.Equal(Golden.Text(name), Encoding.UTF8.GetString(output.WrittenSpan));
    }

    [Fact]
    public void A_json_webhook_is_read_with_all_its_values()
    {
        var webhook = Read("webhook-json");

        Assert.Equal("webhook", webhook.Type);
        Assert.Equal(TestKeys.Event.ToString(), webhook.Id);
        Assert.Equal(TestKeys.TimestampMs, webhook.Timestamp);
        Assert.Equal("""{"ref":"refs/heads/main","commits":[{"id":"c0ffee","n":1.0}]}""", Encoding.UTF8.GetString(webhook.Payload.Span));
        Assert.Null(webhook.Body);
        Assert.Equal(webhook.Payload.ToArray(), webhook.ExactBody.ToArray());
        Assert.Equal(1, webhook.Attempt);
        Assert.Equal("POST", webhook.Method);
        Assert.Equal("/", webhook.Path);
        Assert.Equal("", webhook.Query);
        Assert.Equal("push", webhook.Headers["x-github-event"]);
        Assert.Equal("push", webhook.Headers["X-GitHub-Event"]);
        Assert.Equal(new SourceInfo { Type = "github", Verified = true }, webhook.Source);
        Assert.Equal(1767225600000, webhook.ReceivedAt);
        Assert.Null(webhook.ReplyBy);
        Assert.Null(webhook.ReplayOf);
    }

    [Fact]
    public void A_replay_names_the_event_that_it_repeats()
    {
        var output = new ArrayBufferWriter<byte>();
        WebhookFrame.Write(output, new WebhookParts
        {
            Id = TestKeys.Event,
            TimestampMs = TestKeys.TimestampMs,
            Attempt = 1,
            ReceivedAtMs = TestKeys.TimestampMs,
            Head = """{"method":"POST","path":"/","query":"","headers":{},"replay_of":"evt_1"}"""u8,
            Body = default,
            ReplyByMs = 7,
        }, new SigningKeys(TestKeys.ApiKey, [TestKeys.Secret]));

        var webhook = Assert.IsType<WebhookMessage>(Frames.ReadServerMessage(output.WrittenSpan, out _));

        Assert.Equal(("evt_1", 7), (webhook.ReplayOf, webhook.ReplyBy));
        Assert.True(webhook.HasValidSignature(TestKeys.ApiKey));
    }

    [Fact]
    public void A_form_webhook_is_read_with_its_exact_bytes()
    {
        var webhook = Read("webhook-not-json");

        Assert.Equal("null", Encoding.UTF8.GetString(webhook.Payload.Span));
        Assert.Equal(Webhooks["webhook-not-json"].Body, webhook.ExactBody.ToArray());
        Assert.Equal(2, webhook.Attempt);
        Assert.Equal("PUT", webhook.Method);
        Assert.Equal("/slack/actions", webhook.Path);
        Assert.Equal("team=T1&x=%20", webhook.Query);
        Assert.Null(webhook.Source);
    }

    [Fact]
    public void A_json_webhook_in_other_spelling_is_read_with_both()
    {
        var webhook = Read("webhook-json-and-body");

        Assert.Equal("""{"name":"Zo\u00eb","url":"a/b"}""", Encoding.UTF8.GetString(webhook.Payload.Span));
        Assert.Equal(Webhooks["webhook-json-and-body"].Body, webhook.ExactBody.ToArray());
        Assert.Equal(6, webhook.Attempt);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_golden_webhook_has_valid_signatures(string name)
    {
        var webhook = Read(name);

        Assert.True(webhook.HasValidSignature(TestKeys.ApiKey));
        Assert.All(Webhooks[name].Secrets, secret => Assert.True(webhook.HasValidSignature(secret)));
        Assert.False(webhook.HasValidSignature(TestKeys.OtherApiKey));
        Assert.False(webhook.HasValidSignature(SigningSecret.New()));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_tampered_payload_is_noticed(string name)
    {
        var webhook = Read(name);

        Assert.False((webhook with { Payload = "{\"ref\":1}"u8.ToArray() }).HasValidSignature(TestKeys.ApiKey));
        Assert.False((webhook with { Payload = "{\"ref\":1}"u8.ToArray(), Body = null }).HasValidSignature(TestKeys.ApiKey));
        Assert.False((webhook with { Payload = "{\"ref\":1}"u8.ToArray(), Body = null }).HasValidSignature(TestKeys.Secret));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_tampered_body_is_noticed(string name)
    {
        var webhook = Read(name);
        byte[][] bodies = [[], [0], [.. webhook.ExactBody.Span, (byte)'!'], "null"u8.ToArray(), "{}"u8.ToArray()];

        Assert.All(bodies, body =>
        {
            Assert.False((webhook with { Body = body }).HasValidSignature(TestKeys.ApiKey));
            Assert.False((webhook with { Body = body }).HasValidSignature(TestKeys.Secret));
        });
    }

    [Fact]
    public void A_body_that_is_taken_away_is_noticed_by_the_standard_signature_and_changes_no_value()
    {
        var spelled = Read("webhook-json-and-body") with { Body = null };
        var form = Read("webhook-not-json") with { Body = null };

        Assert.True(spelled.HasValidSignature(TestKeys.ApiKey));
        Assert.False(spelled.HasValidSignature(TestKeys.Secret));
        Assert.False(form.HasValidSignature(TestKeys.ApiKey));
        Assert.False(form.HasValidSignature(TestKeys.Secret));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_tampered_timestamp_is_noticed(string name)
    {
        var webhook = Read(name);

        Assert.False((webhook with { Timestamp = webhook.Timestamp + 1 }).HasValidSignature(TestKeys.ApiKey));
        Assert.False((webhook with { Timestamp = webhook.Timestamp + 1000 }).HasValidSignature(TestKeys.Secret));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_tampered_id_is_noticed_by_the_standard_signature(string name) =>
        Assert.False((Read(name) with { Id = "evt_0190a1b2c3d40000feedfacecafebee0" }).HasValidSignature(TestKeys.Secret));

    [Theory]
    [InlineData(300_000, true)]
    [InlineData(300_001, false)]
    [InlineData(-60_000, true)]
    [InlineData(-60_001, false)]
    public void A_webhook_is_fresh_for_five_minutes(long ageMs, bool fresh) =>
        Assert.Equal(fresh, Read("webhook-json").IsFresh(DateTimeOffset.FromUnixTimeMilliseconds(TestKeys.TimestampMs + ageMs)));

    [Theory]
    [MemberData(nameof(Names))]
    public void The_message_is_a_copy_of_the_frame(string name)
    {
        var frame = Golden.Bytes(name);
        var webhook = Assert.IsType<WebhookMessage>(Frames.ReadServerMessage(frame, out _));

        Array.Clear(frame);

        Assert.True(webhook.HasValidSignature(TestKeys.ApiKey));
        Assert.True(webhook.HasValidSignature(TestKeys.Secret));
    }

    private static WebhookMessage Read(string name) => Assert.IsType<WebhookMessage>(Frames.ReadServerMessage(Golden.Bytes(name), out _));
}
