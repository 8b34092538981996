using System.Text;

namespace Relay.Protocol.Tests.Messages;

public class GoldenMessageTests
{
    private const string Id = "evt_0190a1b2c3d40000feedfacecafebeef";

    private static readonly Dictionary<string, AgentMessage> FromAgent = new()
    {
        ["auth"] = new AuthMessage { RelayId = "", ApiKey = TestKeys.ApiKey.Reveal(), Version = "1.0.0", MaxInFlight = 64 },
        ["ack-one"] = new AckMessage { Id = Id, Timestamp = TestKeys.TimestampMs },
        ["ack-many"] = new AckMessage { Ids = [Id, "evt_0190a1b2c3d40001feedfacecafebeef"], Timestamp = TestKeys.TimestampMs },
        ["nack"] = new NackMessage { Id = Id, Reason = "database is locked", RetryAfterMs = 5000, DeadLetter = false },
        ["extend"] = new ExtendMessage { Id = Id },
        ["reply"] = new ReplyMessage
        {
            Id = Id,
            Status = 201,
            Headers = new Dictionary<string, string> { ["content-type"] = "text/xml" },
            Body = "<Response/>",
        },
        ["reply-bytes"] = new ReplyMessage { Id = Id, Status = 200, BodyBase64 = [0, 1, 254, 255] },
        ["pong"] = new PongMessage { Timestamp = TestKeys.TimestampMs },
    };

    private static readonly Dictionary<string, ServerMessage> FromServer = new()
    {
        ["auth-success"] = new AuthSuccessMessage
        {
            RelayId = "agt_00112233445566778899aabbccddeeff",
            WebhookUrl = "https://relay.example/api/v1/webhook/agt_00112233445566778899aabbccddeeff",
            SessionId = "ses_1",
            Timestamp = TestKeys.TimestampMs,
            Pending = 12,
        },
        ["auth-error"] = new AuthErrorMessage { Error = ErrorCodes.InvalidApiKey, Message = "The api key is wrong.", Timestamp = TestKeys.TimestampMs },
        ["ping"] = new PingMessage { Timestamp = TestKeys.TimestampMs },
        ["probe"] = new ProbeMessage { Id = "prb_0190a1b2c3d40000feedfacecafebeef" },
        ["gap"] = new GapMessage { Reason = "expired", Count = 3, From = TestKeys.TimestampMs - 60_000, To = TestKeys.TimestampMs },
        ["error"] = new ErrorMessage { Error = ErrorCodes.InvalidMessage, Message = "The frame is not valid JSON.", Timestamp = TestKeys.TimestampMs },
        ["error-about-event"] = new ErrorMessage
        {
            Error = ErrorCodes.UnknownEvent,
            Message = "No such event is waiting.",
            Id = Id,
            Timestamp = TestKeys.TimestampMs,
        },
        ["disconnect"] = new DisconnectMessage
        {
            Reason = DisconnectReasons.ServerShutdown,
            Message = "The server restarts.",
            ReconnectAfterMs = 1000,
            Timestamp = TestKeys.TimestampMs,
        },
    };

    public static TheoryData<string> AgentNames => [.. FromAgent.Keys];

    public static TheoryData<string> ServerNames => [.. FromServer.Keys];

    [Theory]
    [MemberData(nameof(AgentNames))]
    public void What_an_agent_writes_is_the_golden_file(string name) =>
        Assert.Equal(Golden.Text(name), Encoding.UTF8.GetString(Frames.Write(FromAgent[name])));

    [Theory]
    [MemberData(nameof(AgentNames))]
    public void What_is_read_from_an_agent_is_what_it_wrote(string name)
    {
        var message = Frames.ReadAgentMessage(Golden.Bytes(name), out var error);

        Assert.Equal(default, error);
        Assert.IsType(FromAgent[name].GetType(), message);
        Assert.Equivalent(FromAgent[name], message, strict: true);
    }

    [Theory]
    [MemberData(nameof(ServerNames))]
    public void What_the_server_writes_is_the_golden_file(string name) =>
        Assert.Equal(Golden.Text(name), Encoding.UTF8.GetString(Frames.Write(FromServer[name])));

    [Theory]
    [MemberData(nameof(ServerNames))]
    public void What_is_read_from_the_server_is_what_it_wrote(string name)
    {
        var message = Frames.ReadServerMessage(Golden.Bytes(name), out var error);

        Assert.Equal(default, error);
        Assert.IsType(FromServer[name].GetType(), message);
        Assert.Equivalent(FromServer[name], message, strict: true);
    }

    [Fact]
    public void Every_golden_file_is_tested() =>
        Assert.Equal([.. FromAgent.Keys.Concat(FromServer.Keys).Concat(GoldenWebhookTests.Files).Order(StringComparer.Ordinal)], Golden.Names);
}
