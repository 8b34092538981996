using System.Globalization;

namespace Relay.Protocol.Tests.Messages;

/// <summary>Set RELAY_FUZZ_SEED to see a failure again, RELAY_FUZZ_CASES to look for longer.</summary>
public class FrameFuzzTests
{
    private static readonly int Seed = Setting("RELAY_FUZZ_SEED", 20261120);
    private static readonly int Cases = Setting("RELAY_FUZZ_CASES", 200_000);

    [Fact]
    public void No_frame_makes_the_readers_throw()
    {
        var mutator = new FrameMutator(new Random(Seed), [.. Golden.Names.Select(Golden.Bytes)]);
        var read = 0;
        for (var i = 0; i < Cases; i++)
        {
            var frame = mutator.Next();
            try
            {
                read += Read(frame);
            }
            catch (Exception exception) when (exception is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"Seed {Seed}, case {i}, frame {Convert.ToBase64String(frame)}: {exception}");
            }
        }

        // If nearly all or nearly none could be read, the mutations would test nothing.
        Assert.InRange(read, Cases / 50, Cases);
    }

    /// <summary>Reads as both sides do, and looks at what was read as they would.</summary>
    private static int Read(byte[] frame)
    {
        var fromAgent = Frames.ReadAgentMessage(frame, out var agentError);
        Assert.Equal(fromAgent is null, agentError.Error is ErrorCodes.InvalidMessage or ErrorCodes.UnknownMessageType);
        if (fromAgent is not null)
        {
            _ = fromAgent.ToString();
            Assert.NotEmpty(Frames.Write(fromAgent));
        }

        var fromServer = Frames.ReadServerMessage(frame, out var serverError);
        Assert.Equal(fromServer is null, serverError.Error is ErrorCodes.InvalidMessage or ErrorCodes.UnknownMessageType);
        if (fromServer is WebhookMessage webhook)
        {
            _ = webhook.HasValidSignature(TestKeys.ApiKey) | webhook.HasValidSignature(TestKeys.Secret) | webhook.IsFresh(DateTimeOffset.UnixEpoch);
        }
        else if (fromServer is not null)
        {
            Assert.NotEmpty(Frames.Write(fromServer));
        }

        return fromAgent is null && fromServer is null ? 0 : 1;
    }

    private static int Setting(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
