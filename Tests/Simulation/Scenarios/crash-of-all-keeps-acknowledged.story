0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 5
2.000 client0 at node1
2.100 client0 write r0 before
      committed to 6
      client0 writes r0: done
3.000 client0 write r0 A
      committed to 7
      client0 writes r0: done
3.200 crash node1 node2 node3 lose unsynced for 500ms
      node1 is down
      node2 is down
      node3 is down
      node1 starts, boot 2
      node2 starts, boot 2
      node3 starts, boot 2
      node1 campaigns in term 3
      node1 leads in term 3
      committed to 11
8.000 client1 at node2
8.000 client1 read r0
      client1 reads r0: A
9.000 candidates all
9.100 client1 write r0 B
9.110 crash node1 node2 node3 lose unsynced for 500ms
      node1 is down
      node2 is down
      node3 is down
      client1 writes r0: unknown
      node1 starts, boot 3
      node2 starts, boot 3
      node3 starts, boot 3
       node3 campaigns in term 4
       node3 leads in term 4
       committed to 15
13.000 client2 at node3
13.000 client2 read r0
       client2 reads r0: A
       the faults stop for node1 node2 node3
       committed to 21
       held
