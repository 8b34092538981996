using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Relay.Protocol;

namespace Relay.Fuzz.Tests.Fuzzing.Providers;

/// <summary>Amazon SNS with a certificate of these tests' own. A body is the message's text; <see cref="SignMessage"/> makes any message.</summary>
internal sealed class SnsProvider() : Provider("sns")
{
    public const string Host = "sns.us-west-2.amazonaws.com";
    public const string CertificateUrl = $"https://{Host}/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem";
    public const string SubscribeUrl = $"https://{Host}/?Action=ConfirmSubscription&Token=2336412f37";
    public const string Topic = "arn:aws:sns:us-west-2:123456789012:MyTopic";

    private static readonly RSA Key = RSA.Create(2048);
    private static readonly RSA AnotherKey = RSA.Create(2048);
    private static readonly string[] Texts = ["", "x", "é東😀", "\0", "\n", "{\"a\":1}", "Type\nNotification"];

    public static string Certificate { get; } = CreateCertificate();

    /// <summary>It is its own authority.</summary>
    public static X509Certificate2Collection Roots { get; } = [X509Certificate2.CreateFromPem(Certificate)];

    public override bool SignsTime => true;

    /// <summary>Another text of the same message is refused, which is what the signed fields are for.</summary>
    public override bool SignsBytes => false;

    public override SourceSettings Settings => new() { Type = Type, TopicArn = Topic };

    public override byte[] Body(Hostile hostile, Random random) => Encoding.UTF8.GetBytes(hostile.Any(Texts) + random.Next());

    public override Signed Sign(byte[] body, Signing signing) => SignMessage(
        new() { ["Type"] = "Notification", ["Message"] = Encoding.UTF8.GetString(body), ["Subject"] = body.Length % 2 == 0 ? "s" : null }, signing);

    /// <param name="fields">What the message says beside what all say; a null is left out.</param>
    /// <param name="signing">The keys.</param>
    /// <param name="certificateUrl">Where the message says that its certificate is.</param>
    public static Signed SignMessage(Dictionary<string, string?> fields, Signing signing, string certificateUrl = CertificateUrl)
    {
        fields["MessageId"] = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(fields["Message"]!)));
        fields["TopicArn"] = Topic;
        fields["Timestamp"] = Text(signing.At);
        var signed = string.Concat(fields.Where(static field => field.Value is not null).OrderBy(static field => field.Key, StringComparer.Ordinal).Select(static field => $"{field.Key}\n{field.Value}\n"));
        var version = fields["Message"]!.Length % 2 == 0 ? "1" : "2";
        byte[] signature;
        lock (Key)
        {
            signature = (signing.WithAnotherKey ? AnotherKey : Key).SignData(
                Encoding.UTF8.GetBytes(signed), version == "1" ? HashAlgorithmName.SHA1 : HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }

        var message = new Dictionary<string, string?>(fields)
        {
            ["SignatureVersion"] = version,
            ["Signature"] = Convert.ToBase64String(signing.Flip(signature)),
            ["SigningCertURL"] = certificateUrl,
            ["Timestamp"] = Text(signing.Shown ?? signing.At),
        };
        return new([("x-amz-sns-topic-arn", Topic)], JsonSerializer.SerializeToUtf8Bytes(message.Where(static field => field.Value is not null).ToDictionary()));
    }

    private static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private static string CreateCertificate()
    {
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = new CertificateRequest("CN=sns.amazonaws.com", Key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
        return certificate.ExportCertificatePem();
    }
}

/// <summary>What the server fetches is fetched here. Any thread.</summary>
internal sealed class FakeAmazon : HttpMessageHandler
{
    private readonly ConcurrentQueue<string> _strays = new();

    /// <summary>Addresses that are not SNS's.</summary>
    public IReadOnlyCollection<string> Strays => _strays;

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var url = request.RequestUri!;
        if (url is not { Scheme: "https", Host: SnsProvider.Host, Port: 443, UserInfo: "" })
        {
            _strays.Enqueue(url.AbsoluteUri);
        }

        return Task.FromResult(url.AbsoluteUri == SnsProvider.CertificateUrl ? new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(SnsProvider.Certificate) }
            : url.AbsolutePath == "/" ? new HttpResponseMessage(HttpStatusCode.OK)
            : new HttpResponseMessage(HttpStatusCode.NotFound));
    }
}
