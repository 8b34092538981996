using System.Threading.Channels;
using Microsoft.Win32.SafeHandles;

namespace Relay.Bench.Floors;

/// <summary>Appends to a file; what came while the disk was busy is written together, with one fsync.</summary>
internal sealed class GroupFile : IAsyncDisposable
{
    private readonly string _path = Path.Combine(Directory.CreateTempSubdirectory("relay-bench-").FullName, "log");
    private readonly SafeFileHandle _file;
    private readonly Channel<(byte[] Bytes, TaskCompletionSource? Done)> _queue = Channel.CreateBounded<(byte[], TaskCompletionSource?)>(new BoundedChannelOptions(1 << 16) { SingleReader = true });
    private readonly Task _writing;

    public GroupFile()
    {
        _file = File.OpenHandle(_path, FileMode.Create, FileAccess.Write);
        _writing = Task.Run(WriteAsync);
    }

    /// <summary>Ends when it is on disk.</summary>
    public Task AppendAsync(byte[] bytes)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _queue.Writer.TryWrite((bytes, done));
        return done.Task;
    }

    /// <summary>Nobody waits for it.</summary>
    public void Append(byte[] bytes) => _queue.Writer.TryWrite((bytes, null));

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.Complete();
        await _writing;
        _file.Dispose();
        Directory.Delete(Path.GetDirectoryName(_path)!, recursive: true);
    }

    private async Task WriteAsync()
    {
        List<ReadOnlyMemory<byte>> buffers = [];
        List<TaskCompletionSource> waiting = [];
        var offset = 0L;
        while (await _queue.Reader.WaitToReadAsync())
        {
            while (_queue.Reader.TryRead(out var next))
            {
                buffers.Add(next.Bytes);
                if (next.Done is not null)
                {
                    waiting.Add(next.Done);
                }
            }

            RandomAccess.Write(_file, buffers, offset);
            offset += buffers.Sum(static buffer => (long)buffer.Length);
            if (waiting.Count > 0)
            {
                RandomAccess.FlushToDisk(_file);
            }

            waiting.ForEach(static done => done.SetResult());
            buffers.Clear();
            waiting.Clear();
        }
    }
}
