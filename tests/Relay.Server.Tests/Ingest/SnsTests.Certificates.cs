using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Ingest;

/// <content>Whose certificates are believed.</content>
public sealed partial class SnsTests
{
    private const int NotBelieved = 1133;
    private const int NoIssuer = 1134;
    private static readonly DateTimeOffset From = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Until = new(2026, 2, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("CN=sns.us-west-2.amazonaws.com")]
    [InlineData("CN=sns-signing.us-west-2.amazonaws.com")]
    public async Task A_certificate_may_be_for_the_region_alone(string subject)
    {
        Serve(Certify(subject));

        using var response = await PostAsync(Notification("id-1"));

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
    }

    [Theory]
    [InlineData("CN=sns.us-east-1.amazonaws.com")]
    [InlineData("CN=evil.example")]
    [InlineData("CN=sns.amazonaws.com.evil.example")]
    [InlineData("CN=*.amazonaws.com")]
    public async Task A_certificate_for_another_name_proves_nothing_whoever_made_it(string subject)
    {
        _relay.Logs.Expect(NotBelieved);
        Serve(Certify(subject));

        using var response = await PostAsync(Notification("id-1"));
        using var again = await PostAsync(Notification("id-1"));

        await Expect.ErrorAsync(response, HttpStatusCode.Unauthorized, "invalid_signature");
        await Expect.ErrorAsync(again, HttpStatusCode.Unauthorized, "invalid_signature");
        Assert.Equal([CertificateUrl], _amazon.Asked);
    }

    [Fact]
    public async Task A_certificate_that_signed_itself_proves_nothing()
    {
        _relay.Logs.Expect(NotBelieved);
        var request = new CertificateRequest("CN=sns.amazonaws.com", _key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var certificate = request.CreateSelfSigned(From, Until);
        Serve(certificate.ExportCertificatePem());

        using var response = await PostAsync(Notification("id-1"));

        await Expect.ErrorAsync(response, HttpStatusCode.Unauthorized, "invalid_signature");
    }

    [Fact]
    public async Task A_certificate_of_nobody_whom_this_machine_trusts_is_put_off()
    {
        // It may be that the issuer's certificate could not be fetched: SNS sends again what was answered 503, and nothing else.
        _relay.Logs.Expect(NoIssuer);
        using var other = MakeRoot();
        Serve(Certify("CN=sns.amazonaws.com", other));

        using var response = await PostAsync(Notification("id-1"));

        await Expect.ErrorAsync(response, HttpStatusCode.ServiceUnavailable, "provider_unavailable");
    }

    [Fact]
    public async Task A_certificate_may_bring_the_one_between_it_and_the_root()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=between", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        using var signed = request.Create(_root, From, Until, [7]);
        using var between = signed.CopyWithPrivateKey(key);
        Serve(Certify("CN=sns.amazonaws.com", between) + "\n" + between.ExportCertificatePem());

        using var response = await PostAsync(Notification("id-1"));

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_certificate_that_is_over_proves_nothing(bool wasKnown)
    {
        if (wasKnown)
        {
            var forged = Notification("id-0");
            forged["Message"] = "another";
            using var known = await PostAsync(forged);
            Assert.Equal(HttpStatusCode.Unauthorized, known.StatusCode);
        }
        else
        {
            _relay.Logs.Expect(NotBelieved);
        }

        _relay.Clock!.Advance(TimeSpan.FromDays(31));
        var message = Notification("id-1");
        message["Timestamp"] = "2026-02-02T03:04:05.000Z";

        using var response = await PostAsync(Sign(message));

        await Expect.ErrorAsync(response, HttpStatusCode.Unauthorized, "invalid_signature");
    }

    private static X509Certificate2 MakeRoot()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest($"CN=test-only root {Guid.NewGuid()}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        return request.CreateSelfSigned(From, Until.AddYears(1));
    }

    /// <returns>In PEM, with the key that signs the messages.</returns>
    private string Certify(string subject, X509Certificate2? issuer = null)
    {
        var request = new CertificateRequest(subject, _key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var certificate = request.Create(issuer ?? _root, From, Until, [1]);
        return certificate.ExportCertificatePem();
    }

    private void Serve(string pem) => _amazon.Answers[CertificateUrl] = () => Answer(pem);
}
