import Protocols

extension World {
    /// One HTML page that shows the run: complete in itself, it loads nothing.
    ///
    /// The world must have been recorded from its start, see `beginRecording`. The same run gives
    /// the same bytes.
    public func reportPage(_ origin: ReportOrigin) -> [UInt8] {
        var data = ReportData(self, origin)
        var page: [UInt8] = []
        page.append(contentsOf: ReportTemplate.head.utf8)
        page.append(contentsOf: ReportTemplate.style.utf8)
        page.append(contentsOf: ReportTemplate.body.utf8)
        page.append(contentsOf: data.json())
        page.append(contentsOf: ReportTemplate.afterData.utf8)
        for script in ReportTemplate.scripts { page.append(contentsOf: script.utf8) }
        page.append(contentsOf: ReportTemplate.end.utf8)
        return page
    }
}
